import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Hlc } from '../hlc';
import { ApiError, Offline } from '../errors';
import type { Outcome } from '../live';
import { Store, type OutboxItem } from '../store';
import { browserOf, freshBrowser, WORKSHOP } from '../testing/people';
import { eventually } from '../testing/eventually';
import { Provider } from '../testing/provider';
import type { Core, CoreId, FactState, Parcel } from '../types';
import { LOST_ASKS, Outbox, OWN_MAX, UNMET_ASKS, type Change } from './outbox';
import { BATCH_MAX, choose, Sender } from './sender';

const POSTED = 'chat.message_posted.1';
const EDITED = 'chat.message_edited.1';

interface Tab {
	outbox: Outbox;
	sender: Sender;
	told: { id: CoreId; state: FactState; code?: string; replaces?: CoreId }[];
	troubles: string[];
	line: { up: boolean; demand: 'accepted' | 'durable'; wall: number };
}

let provider: Provider;
let senders: Sender[];
beforeEach(() => {
	freshBrowser();
	provider = new Provider();
	senders = [];
});
afterEach(() => Promise.all(senders.map((sender) => sender.stop())));

/** A tab of Anna's browser; all of them share its store. */
async function tab(submit?: (parcels: Parcel[]) => Promise<Outcome[]>): Promise<Tab> {
	const { store, device } = await browserOf('anna', provider);
	const told: Tab['told'] = [];
	const troubles: string[] = [];
	const line = { up: true, demand: 'accepted' as 'accepted' | 'durable', wall: 1_700_000_000_000 };
	const outbox = new Outbox({
		store,
		pen: { signer: device, hlc: new Hlc(() => line.wall), now: () => line.wall },
		submit: submit ?? (async (parcels) => provider.submit(parcels)),
		online: () => line.up,
		head: async () => ({ ds: 0, dp: null, heads: [] }),
		letsGoAt: () => line.demand,
		fold: (changes: Change[]) => {
			for (const { item, state, code } of changes) told.push({ id: item.id, state, code, replaces: item.replaces });
			return { ops: [], publish: () => {} };
		},
		trouble: (code) => troubles.push(code),
		well: (code) => troubles.push(`over: ${code}`)
	});
	const sender = new Sender(outbox);
	senders.push(sender);
	return { outbox, sender, told, troubles, line };
}

/** Pauses as short as they can be. */
function patient(outbox: Outbox): Sender {
	const sender = new Sender(outbox, Date.now, () => 0);
	senders.push(sender);
	return sender;
}

const post = async ({ outbox }: Tab, text: string, re: CoreId[] = []): Promise<CoreId> =>
	(await outbox.add(WORKSHOP, { kind: re.length ? EDITED : POSTED, body: { text, ...(re[0] ? { message: re[0] } : {}) }, re })).id;

const items = (tab: Tab): Promise<OutboxItem[]> => tab.outbox.store.db.getAllFromIndex('outbox', 'place');

/** Everything that can be sent has been sent, and what came back is settled. */
async function flushed({ sender, outbox }: Tab): Promise<void> {
	sender.kick();
	await eventually(() => outbox.waiting()).toBe(0);
}

/** The provider is asked once more, and asks back. */
async function askedAgain({ sender, outbox, troubles }: Tab): Promise<void> {
	const before = troubles.length;
	sender.resume();
	await eventually(() => troubles.length > before).toBe(true);
	await outbox.waiting();
}

const texts = (): string[] =>
	provider.space(WORKSHOP).entries.filter((entry) => entry.x === 0).map((entry) => (JSON.parse(entry.b!) as { text: string }).text);
const numbers = (): number[] => provider.space(WORKSHOP).entries.map((entry) => (JSON.parse(entry.c) as Core).ds);
const state = ({ told }: Tab, id: CoreId): FactState | undefined => told.findLast((one) => one.id === id)?.state;

describe('the outbox', () => {
	it('numbers, keeps and sends in order, and lets go when accepted', async () => {
		const anna = await tab();
		anna.line.up = false;
		const ids = [await post(anna, 'eins'), await post(anna, 'zwei'), await post(anna, 'drei')];
		expect((await items(anna)).map((item) => item.sent)).toEqual([false, false, false]);
		anna.line.up = true;
		await flushed(anna);
		expect(texts()).toEqual(['eins', 'zwei', 'drei']);
		expect(provider.space(WORKSHOP).entries.map((entry) => entry.id)).toEqual(ids);
		expect(ids.map((id) => state(anna, id))).toEqual(['accepted', 'accepted', 'accepted']);
		expect(await items(anna)).toEqual([]);
	});

	it('begins a new space, and what follows has seen its beginning', async () => {
		const anna = await tab();
		const genesis = await anna.outbox.add(null, { kind: 'authority.space_created.1', body: { title: 'Neu' } });
		expect(genesis.space).toBe(genesis.id);
		const next = await anna.outbox.add(genesis.space, { kind: POSTED, body: { text: 'hallo' } });
		expect(JSON.parse(next.parcel.c)).toMatchObject({ sp: genesis.id, ds: 2, dp: genesis.id, ah: [genesis.id] });
		await flushed(anna);
		expect(provider.space(genesis.space).entries.length).toBe(2);
	});

	it('survives a reload: another page sends what is left', async () => {
		const before = await tab();
		before.line.up = false;
		await post(before, 'offline geschrieben');
		before.outbox.store.close();
		await flushed(await tab());
		expect(texts()).toEqual(['offline geschrieben']);
	});

	it('gives no number twice while two tabs post and send at once', async () => {
		const tabs = [await tab(), await tab()];
		await Promise.all(
			Array.from({ length: 40 }, async (_, at) => {
				const one = tabs[at % 2]!;
				await post(one, `${at}`);
				one.sender.kick();
			})
		);
		await Promise.all(tabs.map(flushed));
		expect(numbers()).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
		expect(new Set(texts()).size).toBe(40);
		const sent = provider.received.flat().map((parcel) => JSON.parse(parcel.c) as Core);
		expect(sent.length).toBe(40);
	});

	it('sends the same core again after a lost acknowledgement, and it counts once', async () => {
		let lost = 2;
		const anna = await tab(async (parcels) => {
			const outcomes = provider.submit(parcels);
			if (lost-- > 0) throw new Offline();
			return outcomes;
		});
		const id = await post(anna, 'einmal');
		await flushed(anna);
		expect(texts()).toEqual(['einmal']);
		expect(new Set(provider.received.flat().map((parcel) => parcel.c)).size).toBe(1);
		expect(state(anna, id)).toBe('accepted');
	});

	it('hands what one provider alone may have to the next one, and what enough of them have to nobody', async () => {
		const anna = await tab();
		anna.line.demand = 'durable';
		const ids = [await post(anna, 'bei beiden'), await post(anna, 'nur bei Werkhof')];
		await flushed(anna);
		for (const [at, id] of ids.entries()) await anna.outbox.arrived(id, { sublog: 'P.1', n: at + 1 }, false);
		await anna.outbox.durable(WORKSHOP, { 'P.1': 1 });
		const before = provider.received.length;
		await anna.outbox.again();
		await flushed(anna);
		expect(provider.received.slice(before).flat().map((parcel) => JSON.parse(parcel.b!).text)).toEqual(['nur bei Werkhof']);
		expect(await items(anna)).toMatchObject([{ id: ids[1], state: 'accepted', place: { sublog: 'P.1', n: 2 } }]);
	});

	it('lets go of what is known to be durable when its acknowledgement comes', async () => {
		const anna = await tab();
		anna.line.demand = 'durable';
		const id = await post(anna, 'schon bei beiden');
		await flushed(anna);
		await anna.outbox.arrived(id, { sublog: 'P.1', n: 1 }, false);
		await anna.outbox.again();
		await anna.outbox.durable(WORKSHOP, { 'P.1': 1 });
		await flushed(anna);
		expect(await items(anna)).toEqual([]);
		expect(state(anna, id)).toBe('durable');
	});

	it('keeps what is accepted until a durable vector covers it, where there are partners', async () => {
		const anna = await tab();
		anna.line.demand = 'durable';
		const ids = [await post(anna, 'a'), await post(anna, 'b')];
		await flushed(anna);
		expect((await items(anna)).map((item) => item.state)).toEqual(['accepted', 'accepted']);
		for (const [at, id] of ids.entries()) await anna.outbox.arrived(id, { sublog: 'P.1', n: at + 1 }, false);
		await anna.outbox.durable(WORKSHOP, { 'P.1': 1 });
		expect((await items(anna)).map((item) => item.id)).toEqual([ids[1]]);
		expect(state(anna, ids[0]!)).toBe('durable');
		await anna.outbox.durable(WORKSHOP, { 'P.1': 2 });
		expect(await items(anna)).toEqual([]);
	});
});

describe('a refused fact', () => {
	it('becomes a void, and the next one goes on behind it', async () => {
		const anna = await tab();
		provider.rule = ({ body }) => (body?.['text'] === 'verboten' ? { code: 'chat.forbidden' } : null);
		anna.line.up = false;
		const [before, refused, after] = [await post(anna, 'vorher'), await post(anna, 'verboten'), await post(anna, 'nachher')];
		anna.line.up = true;
		await flushed(anna);
		expect(texts()).toEqual(['vorher', 'nachher']);
		expect(numbers()).toEqual([1, 2, 3]);
		expect([before, refused, after].map((id) => state(anna, id!))).toEqual(['accepted', 'refused', 'accepted']);
		expect(anna.told.findLast((one) => one.id === refused)?.code).toBe('chat.forbidden');
	});

	it('that another provider accepted is accepted, whichever is heard of first', async () => {
		const anna = await tab();
		anna.line.demand = 'durable';
		provider.rule = () => ({ code: 'spaces.not_allowed' });
		const id = await post(anna, 'dort angenommen');
		await flushed(anna);
		expect(state(anna, id)).toBe('refused');
		await anna.outbox.arrived(id, { sublog: 'P.1', n: 1 }, true);
		await anna.outbox.arrived(id, { sublog: 'Q.1', n: 7 }, false);
		expect(state(anna, id)).toBe('accepted');
		expect(await items(anna)).toMatchObject([{ state: 'accepted', gone: false, place: { sublog: 'Q.1', n: 7 } }]);
		expect((await items(anna))[0]).not.toHaveProperty('code');
		await anna.outbox.durable(WORKSHOP, { 'P.1': 1, 'Q.1': 7 });
		expect(await items(anna)).toEqual([]);
	});

	it('is written anew with the next number when a person tries again', async () => {
		const anna = await tab();
		provider.rule = () => ({ code: 'chat.forbidden' });
		const refused = await post(anna, 'noch einmal');
		await flushed(anna);
		provider.rule = () => null;
		const again = await anna.outbox.retry(refused);
		expect(again).not.toBe(refused);
		await flushed(anna);
		expect(texts()).toEqual(['noch einmal']);
		expect(numbers()).toEqual([1, 2]);
		expect(anna.told.find((one) => one.id === again)?.replaces).toBe(refused);
		expect(await items(anna)).toEqual([]);
	});

	it('for a clock that is fast is written anew by itself; what waits behind it follows in order and names the new one', async () => {
		const anna = await tab();
		let fast = true;
		provider.rule = ({ body }) => (fast && body?.['text'] === 'a' ? ((fast = false), { code: 'log.future_stamp' }) : null);
		anna.line.up = false;
		const first = await post(anna, 'a');
		const isFirst = (parcel: Parcel): boolean => parcel.c.includes('"ds":1,');
		anna.outbox.ports.submit = async (parcels) => provider.submit(parcels.filter(isFirst).length ? parcels.slice(0, 1) : parcels);
		await post(anna, 'a, verbessert', [first]);
		const [taken] = choose(await items(anna), 1);
		await anna.outbox.store.db.put('outbox', { ...taken!, sent: true });
		const outcomes = provider.submit([taken!.parcel]);
		const { settle } = await import('./settle');
		await settle(anna.outbox, [{ ...taken!, sent: true }], outcomes);
		anna.line.up = true;
		await flushed(anna);
		expect(texts()).toEqual(['a', 'a, verbessert']);
		expect(numbers()).toEqual([1, 2, 3]);
		const [, again, edit] = provider.space(WORKSHOP).entries;
		expect(JSON.parse(edit!.c)).toMatchObject({ re: [again!.id] });
		expect(JSON.parse(edit!.b!)).toMatchObject({ message: again!.id });
	});

	it('stops being written anew after a few times', async () => {
		const anna = await tab();
		provider.rule = () => ({ code: 'base.too_fast' });
		await post(anna, 'zu schnell');
		await flushed(anna);
		const [item] = await items(anna);
		expect(item).toMatchObject({ state: 'refused', code: 'base.too_fast' });
		expect(numbers().length).toBe(6);
	});

	it('is sent as it is until it goes through when the provider is only too busy', async () => {
		let refusals = 7;
		const anna = await tab(async (parcels) => {
			if (refusals-- > 0) throw new ApiError('base.too_fast', 429, 'Bitte warten Sie 1 Sekunden.');
			return provider.submit(parcels);
		});
		anna.sender = patient(anna.outbox);
		const said = await post(anna, 'sehr schnell');
		await flushed(anna);
		expect(state(anna, said)).toBe('accepted');
		expect(provider.space(WORKSHOP).entries.map((entry) => [entry.id, entry.x])).toEqual([[said, 0]]);
	});

	it('is taken for refused when it makes the provider fail again and again', async () => {
		const anna = await tab(async () => {
			throw new ApiError('base.broken', 500, 'Da ist etwas schiefgegangen.');
		});
		anna.sender = patient(anna.outbox);
		const said = await post(anna, 'Fehler');
		await flushed(anna);
		expect(state(anna, said)).toBe('refused');
	});

	it('whose number no provider took owes a void: it goes first, without its body', async () => {
		const anna = await tab();
		provider.rule = () => ({ code: 'base.unknown', keepsNumber: true });
		const lost = await post(anna, 'geheim');
		await flushed(anna);
		expect(state(anna, lost)).toBe('refused');
		expect(numbers()).toEqual([]);
		provider.rule = () => null;
		await post(anna, 'wieder da');
		await flushed(anna);
		expect(texts()).toEqual(['wieder da']);
		expect(provider.space(WORKSHOP).entries.map((entry) => [entry.id, entry.x])).toEqual([
			[lost, 3],
			[expect.any(String), 0]
		]);
		expect(provider.received.flat().filter((parcel) => parcel.b?.includes('geheim')).length).toBe(1);
	});

	it('takes everything behind it along when a space takes nothing any more', async () => {
		const anna = await tab();
		provider.rule = () => ({ code: 'log.removed', keepsNumber: true });
		provider.take = ((take) => (parcel: Parcel) => {
			const outcome = take.call(provider, parcel);
			return parcel.b === null ? { ...outcome, st: 'refused' as const, code: 'base.unknown', ds: 1, dp: null } : outcome;
		})(provider.take);
		anna.line.up = false;
		const ids = [await post(anna, 'a'), await post(anna, 'b')];
		anna.line.up = true;
		await flushed(anna);
		expect(ids.map((id) => state(anna, id))).toEqual(['refused', 'refused']);
	});

	it('can be let go; what was never sent leaves no trace in the chain', async () => {
		const anna = await tab();
		anna.line.up = false;
		await post(anna, 'bleibt');
		const dropped = await post(anna, 'doch nicht');
		await post(anna, 'bleibt auch');
		await anna.outbox.discard(dropped);
		anna.line.up = true;
		await flushed(anna);
		expect(texts()).toEqual(['bleibt', 'bleibt auch']);
		expect(numbers()).toEqual([1, 2]);
	});
});

describe('a provider that lost its newest', () => {
	it('gets them again from this browser', async () => {
		const anna = await tab();
		for (const text of ['a', 'b', 'c']) await post(anna, text);
		await flushed(anna);
		provider.forget(WORKSHOP, 2);
		await post(anna, 'd');
		await flushed(anna);
		expect(texts()).toEqual(['a', 'b', 'c', 'd']);
		expect(numbers()).toEqual([1, 2, 3, 4]);
	});

	it('is told as trouble when this browser has them no more', async () => {
		const anna = await tab();
		await post(anna, 'a');
		await post(anna, 'b');
		await flushed(anna);
		provider.forget(WORKSHOP, 2);
		await anna.outbox.store.db.clear('own');
		await post(anna, 'c');
		anna.sender.kick();
		await eventually(() => anna.troubles).toContain('log.provider_behind');
		expect(texts()).toEqual([]);
	});

	it('is passed over when nobody has them: voids take their numbers, what waits goes behind them', async () => {
		const anna = await tab();
		for (const text of ['a', 'b', 'c']) await post(anna, text);
		await flushed(anna);
		provider.forget(WORKSHOP, 2);
		await anna.outbox.store.db.clear('own');
		const message = await post(anna, 'd');
		const edit = await post(anna, 'e', [message]);
		for (let asked = 0; asked < LOST_ASKS; asked++) {
			expect(numbers()).toEqual([1]);
			await askedAgain(anna);
		}
		await flushed(anna);
		expect(texts()).toEqual(['a', 'd', 'e']);
		expect(provider.space(WORKSHOP).entries.map((entry) => [entry.x, entry.b === null])).toEqual([
			[0, false], [3, true], [3, true], [3, true], [3, true], [0, false], [0, false]
		]);
		expect(numbers()).toEqual([1, 2, 3, 4, 5, 6, 7]);
		const edited = provider.space(WORKSHOP).entries.at(-1)!;
		expect((JSON.parse(edited.c) as Core).re).toEqual([provider.space(WORKSHOP).entries.at(-2)!.id]);
		expect([state(anna, message), state(anna, edit)]).toEqual(['refused', 'refused']);
		expect(anna.told.filter((one) => one.replaces === message).at(-1)?.state).toBe('accepted');
		expect(anna.troubles.at(-1)).toBe('over: log.provider_behind');
		await post(anna, 'f');
		await flushed(anna);
		expect(texts()).toEqual(['a', 'd', 'e', 'f']);
		expect(await items(anna)).toEqual([]);
	});

	it('offers nothing but headers under numbers that were used before', async () => {
		const anna = await tab();
		for (const text of ['a', 'b']) await post(anna, text);
		await flushed(anna);
		const lost = provider.space(WORKSHOP).entries[1]!;
		provider.forget(WORKSHOP, 1);
		await anna.outbox.store.db.clear('own');
		await post(anna, 'c');
		for (let asked = 0; asked < LOST_ASKS; asked++) await askedAgain(anna);
		await flushed(anna);
		const given = provider.received.flat().filter((parcel) => (JSON.parse(parcel.c) as Core).ds === 2 && parcel.c !== lost.c);
		expect(given.length).toBeGreaterThan(0);
		expect(given.every((parcel) => parcel.b === null)).toBe(true);
	});
});

describe('a provider that lacks what somebody else wrote', () => {
	const THEIRS = 'O'.repeat(42) + 'A' as CoreId;

	/** The provider asks for it as often as the browser bears. */
	async function askedFor(anna: Tab): Promise<void> {
		for (let asked = 0; asked < UNMET_ASKS; asked++) {
			const before = provider.received.length;
			anna.sender.resume();
			await eventually(() => provider.received.length > before).toBe(true);
			await anna.outbox.waiting();
		}
	}

	it('keeps back what names it, a while; then that is refused, and what comes after goes on', async () => {
		const anna = await tab();
		provider.lacks.add(THEIRS);
		await post(anna, 'vorher');
		const answer = await post(anna, 'dazu', [THEIRS]);
		const edit = await post(anna, 'genauer dazu', [answer]);
		await post(anna, 'nachher');
		await askedFor(anna);
		await flushed(anna);
		expect(texts()).toEqual(['vorher', 'nachher']);
		expect(numbers()).toEqual([1, 2, 3, 4, 5]);
		expect([state(anna, answer), state(anna, edit)]).toEqual(['refused', 'refused']);
		const kept = await items(anna);
		expect(kept.map((one) => [one.id, one.state, one.code])).toEqual([[answer, 'refused', 'log.unmet'], [edit, 'refused', 'log.unmet']]);
		expect(kept[0]!.detail).toContain('später noch einmal');
	});

	it('gets it when its person sends it again later', async () => {
		const anna = await tab();
		provider.lacks.add(THEIRS);
		const answer = await post(anna, 'dazu', [THEIRS]);
		await askedFor(anna);
		await flushed(anna);
		provider.lacks.clear();
		await anna.outbox.retry(answer);
		await flushed(anna);
		expect(texts()).toEqual(['dazu']);
		expect(await items(anna)).toEqual([]);
	});

	it('takes what has only seen it, written anew on what is there', async () => {
		const anna = await tab();
		await anna.outbox.saw(WORKSHOP, { id: THEIRS, kind: 'authority.invitation_made.1', ah: [] });
		await post(anna, 'eins');
		await anna.outbox.saw(WORKSHOP, { id: THEIRS, kind: 'authority.invitation_made.1', ah: [] });
		const seen = await post(anna, 'zwei');
		provider.lacks.add(THEIRS);
		await askedFor(anna);
		await flushed(anna);
		expect(texts()).toEqual(['eins', 'zwei']);
		expect(anna.told.filter((one) => one.replaces === seen).at(-1)?.state).toBe('accepted');
		expect(await items(anna)).toEqual([]);
	});
});

describe('what the author has seen', () => {
	const heads = ({ parcel }: OutboxItem): CoreId[] => (JSON.parse(parcel.c) as Core).ah;
	const invite = { kind: 'authority.invitation_made.1', body: { role: 'member' } };
	const say = { kind: POSTED, body: { text: 'hallo' } };

	it('names an own authority fact beside what providers have, until it is taken; a refused one is forgotten', async () => {
		const anna = await tab();
		const { space, id: genesis } = await anna.outbox.add(null, { kind: 'authority.space_created.1', body: {} });
		await flushed(anna);
		anna.line.up = false;
		const invitation = await anna.outbox.add(space, invite);
		expect(heads(invitation)).toEqual([genesis]);
		expect(heads(await anna.outbox.add(space, say))).toEqual([genesis, invitation.id].sort());
		anna.line.up = true;
		await flushed(anna);
		expect(heads(await anna.outbox.add(space, say))).toEqual([invitation.id]);
		provider.rule = ({ core }) => (core.k === invite.kind ? { code: 'spaces.not_allowed' } : null);
		await anna.outbox.add(space, invite);
		await flushed(anna);
		expect(heads(await anna.outbox.add(space, say))).toEqual([invitation.id]);
	});

	it('follows authority facts of others', async () => {
		const anna = await tab();
		const { space, id: genesis } = await anna.outbox.add(null, { kind: 'authority.space_created.1', body: {} });
		await flushed(anna);
		const other = 'O'.repeat(42) + 'A' as CoreId;
		await anna.outbox.saw(space, { id: other, kind: invite.kind, ah: [genesis] });
		expect(heads(await anna.outbox.add(space, say))).toEqual([other]);
	});
});

describe('bounds', () => {
	it('a number used by somebody else is told as trouble, never fought over', async () => {
		const anna = await tab();
		await post(anna, 'a');
		await flushed(anna);
		await anna.outbox.store.db.clear('chains');
		await post(anna, 'b');
		await flushed(anna);
		expect(anna.troubles).toContain('log.reused_number');
		expect(texts()).toEqual(['a']);
	});

	it('sends at most a batch, whole prefixes of each space, those who wait longest first', async () => {
		const anna = await tab();
		anna.line.up = false;
		for (let at = 0; at < BATCH_MAX + 6; at += 1) await post(anna, `${at}`);
		anna.line.up = true;
		await flushed(anna);
		expect(provider.received.map((batch) => batch.length)).toEqual([BATCH_MAX, 6]);
	});

	it('keeps only the newest own cores', async () => {
		const anna = await tab();
		await post(anna, 'erste');
		await flushed(anna);
		const own = await anna.outbox.store.db.getAll('own');
		await anna.outbox.commit([{ item: { ...own[0]!, ds: OWN_MAX + 1 } as OutboxItem, state: 'accepted' }], {});
		expect((await anna.outbox.store.db.getAll('own')).map((core) => core.ds)).toEqual([OWN_MAX + 1]);
	});

	it('takes facts back that do not fit on the disk', async () => {
		const anna = await tab();
		const { store } = anna.outbox;
		const full = (): never => {
			throw new DOMException('full', 'QuotaExceededError');
		};
		const strict = store.strict.bind(store);
		store.strict = full as never;
		await expect(post(anna, 'kein Platz')).rejects.toThrow('base.quota_exceeded');
		store.strict = strict;
		expect(anna.told.map((one) => one.state)).toEqual(['pending', 'refused']);
		await post(anna, 'wieder Platz');
		await flushed(anna);
		expect(numbers()).toEqual([1]);
		expect(store).toBeInstanceOf(Store);
	});
});
