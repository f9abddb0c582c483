import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { author } from '../core';
import { BACKOFF_MS } from '../live';
import { parse } from '../core';
import { randomBytes } from '../b64';
import { stampAt } from '../hlc';
import type { Store } from '../store';
import { accountOf, browserOf, freshBrowser, meOf, WORKSHOP } from '../testing/people';
import { eventually } from '../testing/eventually';
import { Provider } from '../testing/provider';
import { Device } from '../device';
import type { Entry, Fact, JsonObject, RowWriter, SpaceId } from '../types';
import { RESUME_MAX } from './following';
import { Sync } from './sync.svelte';

const POSTED = 'chat.message_posted.1';
const ROW = 'chat.message';

interface Person {
	sync: Sync;
	store: Store;
	device: Device;
	facts: Fact[];
}

let provider: Provider;
let running: Sync[];

beforeEach(async () => {
	freshBrowser();
	provider = new Provider();
	running = [];
	await provider.listen();
});

afterEach(async () => {
	await Promise.all(running.map((sync) => sync.stop()));
	await provider.close();
});

const fold = (fact: Fact, rows: RowWriter): void => {
	const text = (fact.body as { text?: string } | null)?.text ?? null;
	rows.put(ROW, fact.id, fact.stamp, { text, state: fact.state });
};

/** Opens the app in `name`'s browser; a second time it is the same browser. */
async function opens(name: string, prepare: (sync: Sync) => void = () => {}): Promise<Person> {
	const { store, device, me } = await browserOf(name, provider);
	provider.me = me;
	const sync = new Sync(store, device, provider.api(), provider.options());
	const facts: Fact[] = [];
	sync.on(POSTED, (fact, rows) => {
		facts.push(fact);
		fold(fact, rows);
	});
	prepare(sync);
	running.push(sync);
	await sync.start();
	await eventually(() => sync.state).toBe('online');
	await eventually(() => provider.follows.length).toBeGreaterThan(0);
	await sync.settled();
	return { sync, store, device, facts };
}

async function closes({ sync, store }: Person): Promise<void> {
	running = running.filter((one) => one !== sync);
	await sync.stop();
	store.close();
}

/** Ben writes from somewhere else. */
async function benWrites(device: Device, text: string, over: { space?: SpaceId; kind?: string } = {}): Promise<Entry> {
	const space = over.space ?? WORKSHOP;
	const { ds, dp } = provider.next({ space, core: { dev: device.id } as never });
	const draft = { space, kind: over.kind ?? POSTED, ds, dp, t: stampAt(1_700_000_000_000 + ds), ah: [], re: [] };
	const { parcel } = await author(device, draft, { text } as JsonObject, randomBytes(16));
	return provider.append(parcel, parse(parcel));
}

const shown = ({ facts }: Person): string[] => facts.filter((fact) => fact.state !== 'refused').map((fact) => String(fact.body?.['text']));
const stored = async ({ store }: Person): Promise<unknown[]> => (await store.rows<{ text: string }>(WORKSHOP, ROW)).map((row) => row.value.text);
const vectorOf = async ({ store }: Person): Promise<number | undefined> => Object.values((await store.db.get('logs', WORKSHOP))?.vector ?? {})[0];
const ben = async (): Promise<Device> => (await browserOf('ben', provider)).device;

describe('posting', () => {
	it('shows at once, then as accepted, and stores the row with it', async () => {
		const anna = await opens('anna');
		const id = await anna.sync.post(WORKSHOP, POSTED, { text: 'hallo' });
		expect(anna.facts[0]).toMatchObject({ id, state: 'pending', by: accountOf('anna'), at: null });
		await eventually(() => anna.facts.at(-1)?.state).toBe('accepted');
		await eventually(() => anna.sync.waiting).toBe(0);
		await anna.sync.settled();
		expect((await anna.store.row<{ state: string }>(WORKSHOP, ROW, id))?.value).toEqual({ text: 'hallo', state: 'accepted' });
		expect(provider.space(WORKSHOP).entries.map((entry) => entry.id)).toEqual([id]);
	});

	it('waits without a network and arrives once, in order, when it is back', async () => {
		const anna = await opens('anna');
		const { port } = provider;
		await provider.close();
		await eventually(() => anna.sync.state).not.toBe('online');
		await anna.sync.post(WORKSHOP, POSTED, { text: 'eins' });
		await anna.sync.post(WORKSHOP, POSTED, { text: 'zwei' });
		await eventually(() => anna.sync.waiting).toBe(2);
		await provider.listen(port);
		await eventually(() => anna.sync.state).toBe('online');
		await eventually(() => anna.sync.waiting).toBe(0);
		expect(provider.space(WORKSHOP).entries.map((entry) => (JSON.parse(entry.b!) as { text: string }).text)).toEqual(['eins', 'zwei']);
	});

	it('counts once when the acknowledgement is lost but the entry comes', async () => {
		const anna = await opens('anna');
		provider.isSilent = true;
		const id = await anna.sync.post(WORKSHOP, POSTED, { text: 'still' });
		await eventually(() => anna.facts.at(-1)?.state).toBe('accepted');
		await eventually(() => anna.sync.waiting).toBe(0);
		expect(anna.facts.every((fact) => fact.id === id)).toBe(true);
	});

	it('tells a refusal with its sentence', async () => {
		provider.rule = () => ({ code: 'chat.forbidden' });
		const anna = await opens('anna');
		const id = await anna.sync.post(WORKSHOP, POSTED, { text: 'nein' });
		await eventually(() => anna.facts.at(-1)).toMatchObject({ id, state: 'refused', code: 'chat.forbidden', detail: 'no: chat.forbidden' });
		await eventually(async () => (await anna.store.row<{ state: string }>(WORKSHOP, ROW, id))?.value.state).toBe('refused');
	});

	it('is seen by another tab of the same browser', async () => {
		const first = await opens('anna');
		const second = await opens('anna');
		const id = await first.sync.post(WORKSHOP, POSTED, { text: 'zwei Fenster' });
		await eventually(() => second.facts.map((fact) => fact.state)).toContain('accepted');
		expect(new Set(second.facts.map((fact) => fact.id))).toEqual(new Set([id]));
		expect(provider.received.flat().length).toBe(1);
	});
});

describe('following', () => {
	it('takes entries in with author, rows and vector', async () => {
		const device = await ben();
		const anna = await opens('anna');
		const entry = await benWrites(device, 'hallo Anna');
		await eventually(() => shown(anna)).toEqual(['hallo Anna']);
		await anna.sync.settled();
		expect(anna.facts[0]).toMatchObject({ id: entry.id, by: accountOf('ben'), at: entry.at, position: entry.o, state: 'accepted' });
		expect(await stored(anna)).toEqual(['hallo Anna']);
		expect(await vectorOf(anna)).toBe(1);
		expect(anna.sync.name(accountOf('ben'))).toBe(accountOf('ben'));
		expect(anna.sync.trouble).toBeNull();
	});

	it('knows the author who joined a moment ago', async () => {
		const anna = await opens('anna');
		await anna.sync.members(WORKSHOP);
		const device = await ben();
		await benWrites(device, 'ich bin neu');
		await eventually(() => anna.facts[0]?.by).toBe(accountOf('ben'));
	});

	it('shows what nobody here is known for, and does not ask for each of them', async () => {
		const anna = await opens('anna');
		const device = await ben();
		provider.members.pop();
		const { get } = anna.sync.api;
		let asked = 0;
		anna.sync.api.get = (path, options) => {
			if (path.endsWith('/members')) asked += 1;
			return get(path, options);
		};
		for (const text of ['a', 'b', 'c']) {
			await benWrites(device, text);
			await eventually(() => shown(anna)).toContain(text);
		}
		expect(anna.facts.map((fact) => fact.by)).toEqual([null, null, null]);
		expect(asked).toBe(1);
	});

	it('resumes after cuts without loss or doubles', async () => {
		const device = await ben();
		const anna = await opens('anna');
		for (let at = 0; at < 30; at += 1) {
			await benWrites(device, `${at}`);
			if (at % 7 === 3) provider.cut();
		}
		const all = Array.from({ length: 30 }, (_, at) => `${at}`);
		await eventually(() => shown(anna)).toEqual(all);
		await anna.sync.settled();
		expect(await stored(anna)).toEqual(all);
		expect(await vectorOf(anna)).toBe(30);
	});

	it('resumes after the page was closed, from the vector on disk', async () => {
		const device = await ben();
		const before = await opens('anna');
		await benWrites(device, 'vorher');
		await eventually(() => shown(before)).toEqual(['vorher']);
		await before.sync.settled();
		await closes(before);
		await benWrites(device, 'während');
		const after = await opens('anna');
		await eventually(() => shown(after)).toEqual(['während']);
		await after.sync.settled();
		expect(await stored(after)).toEqual(['vorher', 'während']);
		expect(provider.follows.at(-1)![WORKSHOP]).toEqual({ [Object.keys(provider.vector(WORKSHOP))[0]!]: 1 });
	});

	it('shows what waited for its cause, also when that came while the page was closed', async () => {
		const device = await ben();
		const before = await opens('anna');
		provider.isWaiting = true;
		const early = await benWrites(device, 'zu früh');
		provider.isWaiting = false;
		await benWrites(device, 'danach');
		await eventually(() => shown(before)).toEqual(['danach']);
		await before.sync.settled();
		await closes(before);
		early.x = 0;
		const after = await opens('anna');
		await eventually(() => shown(after)).toEqual(['zu früh']);
		await after.sync.settled();
		expect((await stored(after)).toSorted()).toEqual(['danach', 'zu früh']);
		await closes(after);
		const again = await opens('anna');
		await eventually(() => provider.follows.at(-1)![WORKSHOP]).toEqual(provider.vector(WORKSHOP));
		expect(shown(again)).toEqual([]);
	});

	it('tells of what only a newer release can show, and shows it when the provider knows it', async () => {
		const device = await ben();
		const told: boolean[] = [];
		const before = await opens('anna', (sync) => void sync.onNewer(({ waits }) => told.push(waits)));
		provider.isNewer = true;
		const painted = await benWrites(device, 'von morgen');
		provider.isNewer = false;
		await benWrites(device, 'danach');
		await eventually(() => shown(before)).toEqual(['danach']);
		expect(told).toEqual([true]);
		await before.sync.settled();
		await closes(before);
		painted.x = 0;
		const after = await opens('anna', (sync) => void sync.onNewer(({ waits }) => told.push(waits)));
		await eventually(() => shown(after)).toEqual(['von morgen']);
		expect(told).toEqual([true, false]);
	});

	it('tells of what the provider knows and this release does not, and asks for it once more', async () => {
		const device = await ben();
		const told: string[] = [];
		const listen = (sync: Sync) => void sync.onNewer(({ waits, channel }) => told.push(`${waits} ${channel}`));
		const before = await opens('anna', listen);
		await benWrites(device, 'bunt', { kind: 'chat.painted.1' });
		await eventually(() => told).toEqual(['true null']);
		await before.sync.settled();
		await closes(before);
		const after = await opens('anna', (sync) => {
			listen(sync);
			sync.on('chat.painted.1', fold);
		});
		await eventually(() => stored(after)).toEqual(['bunt']);
		expect(told).toEqual(['true null', 'false null']);
	});

	it('shows each entry once however often it is sent', async () => {
		const device = await ben();
		const anna = await opens('anna');
		const entry = await benWrites(device, 'einmal');
		provider.tell(WORKSHOP, [entry, entry]);
		provider.tell(WORKSHOP, [entry]);
		await benWrites(device, 'danach');
		await eventually(() => shown(anna)).toEqual(['einmal', 'danach']);
	});

	it('asks for what is missing when a number is skipped', async () => {
		const device = await ben();
		const anna = await opens('anna');
		const tell = provider.tell.bind(provider);
		provider.tell = () => {};
		await benWrites(device, 'verloren');
		provider.tell = tell;
		await benWrites(device, 'angekommen');
		await eventually(() => shown(anna)).toEqual(['verloren', 'angekommen']);
		expect(anna.sync.trouble).toBeNull();
	});

	it('stops at a chain that was changed afterwards, and says so', async () => {
		const device = await ben();
		const anna = await opens('anna');
		await benWrites(device, 'gut');
		await eventually(() => shown(anna)).toEqual(['gut']);
		const tell = provider.tell.bind(provider);
		provider.tell = (space, entries) => tell(space, entries.map((entry) => ({ ...entry, at: entry.at + 1 })));
		await benWrites(device, 'umdatiert');
		await eventually(() => anna.sync.trouble?.code).toBe('log.broken_chain');
		expect(shown(anna)).toEqual(['gut']);
	});

	it('takes back what was signed by somebody else', async () => {
		const device = await ben();
		const anna = await opens('anna');
		const honest = await benWrites(device, 'von Ben');
		const { parcel } = await author(
			{ id: device.id, sign: (message) => anna.device.sign(message) },
			{ space: WORKSHOP, kind: POSTED, ds: 2, dp: honest.id, t: stampAt(1_700_000_000_009), ah: [], re: [] },
			{ text: 'angeblich von Ben' },
			randomBytes(16)
		);
		const forged = provider.append(parcel, parse(parcel));
		await eventually(() => anna.facts.at(-1)).toMatchObject({ id: forged.id, state: 'refused', code: 'log.unsigned' });
		expect(anna.sync.trouble).toMatchObject({ code: 'log.unsigned', about: forged.id });
		await eventually(async () => (await anna.store.row<{ state: string }>(WORKSHOP, ROW, forged.id))?.value.state).toBe('refused');
	});

	it('takes back what was shown and is set aside later, and shows it again when it counts after all', async () => {
		const device = await ben();
		const anna = await opens('anna');
		const last = await benWrites(device, 'nach der Kündigung');
		await benWrites(device, 'danach');
		await eventually(() => stored(anna)).toEqual(['nach der Kündigung', 'danach']);
		const state = async (): Promise<string | undefined> => (await anna.store.row<{ state: string }>(WORKSHOP, ROW, last.id))?.value.state;
		for (const [x, becomes] of [[2, 'refused'], [1, 'refused'], [0, 'accepted']] as const) {
			provider.tell(WORKSHOP, [{ ...last, x }]);
			await eventually(() => anna.facts.at(-1)).toMatchObject({ id: last.id, state: becomes, ...(x ? { code: 'log.set_aside' } : {}) });
			await eventually(state).toBe(becomes);
		}
		expect(anna.facts.find(({ code }) => code)?.detail).toContain('gilt nicht mehr');
		expect(anna.sync.trouble).toBeNull();
	});

	it('skips voids and bodies that are erased', async () => {
		const device = await ben();
		const anna = await opens('anna');
		provider.rule = () => ({ code: 'chat.forbidden' });
		const { parcel } = await author(device, { space: WORKSHOP, kind: POSTED, ds: 1, dp: null, t: stampAt(1), ah: [], re: [] }, { text: 'nein' }, randomBytes(16));
		provider.take(parcel);
		await benWrites(device, 'ja');
		await eventually(() => shown(anna)).toEqual(['ja']);
		await anna.sync.settled();
		expect(await vectorOf(anna)).toBe(2);
	});

	it('lets one fold fail without holding up the others', async () => {
		const device = await ben();
		const error = vi.spyOn(console, 'error').mockImplementation(() => {});
		const anna = await opens('anna', (sync) => sync.on(POSTED, () => {
			throw new Error('a bug');
		}));
		await benWrites(device, 'trotzdem');
		await eventually(() => shown(anna)).toEqual(['trotzdem']);
		expect(error).toHaveBeenCalled();
		error.mockRestore();
	});

	it('drops what is held when too much was missed, and tells', async () => {
		const device = await ben();
		const before = await opens('anna');
		await benWrites(device, 'alt');
		await eventually(() => shown(before)).toEqual(['alt']);
		await before.sync.settled();
		await closes(before);
		for (let at = 0; at < RESUME_MAX + 1; at += 1) await benWrites(device, `${at}`);
		const resets: SpaceId[] = [];
		const after = await opens('anna', (sync) => void sync.onReset((space) => resets.push(space)));
		await eventually(() => resets).toEqual([WORKSHOP]);
		expect(await stored(after)).toEqual([]);
		await benWrites(device, 'neu');
		await eventually(() => shown(after)).toEqual(['neu']);
	});

	it('forgets a space when the person is no longer in it', async () => {
		const device = await ben();
		const anna = await opens('anna');
		await benWrites(device, 'intern');
		await eventually(() => stored(anna)).toEqual(['intern']);
		provider.say({ f: 'gone', sp: WORKSHOP });
		await eventually(() => stored(anna)).toEqual([]);
	});
});

describe('rows and vector', () => {
	it('stay together when the disk fails in the middle', async () => {
		const device = await ben();
		const anna = await opens('anna');
		await benWrites(device, 'a');
		await eventually(() => vectorOf(anna)).toBe(1);
		const relaxed = anna.store.relaxed.bind(anna.store);
		const error = vi.spyOn(console, 'error').mockImplementation(() => {});
		anna.store.relaxed = (() => {
			throw new DOMException('gone', 'AbortError');
		}) as never;
		await benWrites(device, 'b');
		await eventually(() => shown(anna)).toEqual(['a', 'b']);
		anna.store.relaxed = relaxed;
		await benWrites(device, 'c');
		await eventually(() => shown(anna)).toEqual(['a', 'b', 'c']);
		await anna.sync.settled();
		expect([await vectorOf(anna), await stored(anna)]).toEqual([1, ['a']]);
		error.mockRestore();
		await closes(anna);
		const after = await opens('anna');
		await eventually(() => stored(after)).toEqual(['a', 'b', 'c']);
		await after.sync.settled();
		expect(await vectorOf(after)).toBe(3);
	});

	it('are bounded: the newest stay', async () => {
		const anna = await opens('anna');
		const rows = Array.from({ length: 30 }, (_, at) => ({
			space: WORKSHOP, kind: ROW, id: `${at}`, stamp: String(at).padStart(4, '0'), value: { text: `${at}` }
		}));
		await anna.sync.seed(WORKSHOP, rows, {});
		expect(await anna.store.trim(WORKSHOP, ROW, 10)).toBe(20);
		expect((await stored(anna))[0]).toBe('20');
		expect((await anna.sync.rows(WORKSHOP, ROW, { limit: 3 })).map((row) => row.id)).toEqual(['27', '28', '29']);
		expect((await anna.sync.rows(WORKSHOP, ROW, { limit: 3, before: '0027' })).map((row) => row.id)).toEqual(['24', '25', '26']);
	});

	it('seeded rows do not skip what the stream still brings', async () => {
		const device = await ben();
		const anna = await opens('anna');
		await benWrites(device, 'a');
		await eventually(() => vectorOf(anna)).toBe(1);
		await anna.sync.seed(WORKSHOP, [], { ...provider.vector(WORKSHOP), x: 9 });
		expect(await vectorOf(anna)).toBe(1);
	});
});

describe('the socket', () => {
	it('answers calls, and passes refusals on', async () => {
		const { sync } = await opens('anna');
		expect(await sync.call('echo', { a: 1 })).toEqual({ a: 1 });
		await expect(sync.call('refuse', {})).rejects.toMatchObject({ code: 'meet.full', detail: 'voll' });
		await expect(sync.call('silence', {}, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'base.timed_out' });
	});

	it('passes signals on and drops them without a network', async () => {
		const { sync } = await opens('anna');
		const heard: unknown[] = [];
		const off = sync.onSignal('typing', (signal) => heard.push(signal));
		expect(sync.signal(WORKSHOP, 'typing', { channel: null })).toBe(true);
		await eventually(() => heard).toEqual([{ space: WORKSHOP, kind: 'typing', data: { channel: null }, by: accountOf('anna') }]);
		off();
		await provider.close();
		await eventually(() => sync.state).not.toBe('online');
		expect(sync.signal(WORKSHOP, 'typing', {})).toBe(false);
		await expect(sync.call('echo', {})).rejects.toMatchObject({ code: 'base.offline' });
	});

	it('ends waiting calls when the connection breaks', async () => {
		const { sync } = await opens('anna');
		const call = sync.call('silence', {});
		provider.cut();
		await expect(call).rejects.toMatchObject({ code: 'base.offline' });
		await eventually(() => sync.state).toBe('online');
		expect(BACKOFF_MS.at(-1)).toBe(15_000);
	});

	it.each(['', 'null', '7', '{"f":"entries","sp":"x","e":7}', '<html>'])('begins anew after %j, which is no frame', async (raw) => {
		const { sync } = await opens('anna');
		const before = provider.follows.length;
		provider.sayRaw(raw);
		await eventually(() => provider.follows.length).toBeGreaterThan(before);
		await eventually(() => sync.state).toBe('online');
	});

	it('tells that the session is over', async () => {
		const { sync } = await opens('anna');
		provider.say({ f: 'bye', code: 'accounts.signed_out' });
		await eventually(() => sync.state).toBe('signed_out');
	});

	it('finds out after a broken connection that the session is over', async () => {
		const { sync } = await opens('anna');
		provider.me = null;
		provider.refusesSockets = true;
		provider.cut();
		await eventually(() => sync.state).toBe('signed_out');
	});
});

describe('starting', () => {
	it('shows what is stored without a provider', async () => {
		const before = await opens('anna');
		await before.sync.post(WORKSHOP, POSTED, { text: 'gestern' });
		await eventually(() => before.sync.waiting).toBe(0);
		await before.sync.settled();
		await closes(before);
		await provider.close();
		const { store, device } = await browserOf('anna', provider);
		const sync = new Sync(store, device, provider.api(), { open: () => { throw new Error('no network'); } });
		running.push(sync);
		await sync.start();
		expect(sync.me.account.name).toBe('anna');
		expect((await sync.rows<{ text: string }>(WORKSHOP, ROW)).map((row) => row.value.text)).toEqual(['gestern']);
		await sync.post(WORKSHOP, POSTED, { text: 'ohne Netz' });
		await eventually(() => sync.waiting).toBe(1);
	});

	it('does not go on with a session of another device', async () => {
		const { store, device } = await browserOf('anna', provider);
		const { device: other } = await browserOf('ben', provider);
		provider.me = meOf('anna', other, provider);
		const sync = new Sync(store, device, provider.api(), provider.options());
		running.push(sync);
		await expect(sync.start()).rejects.toMatchObject({ code: 'base.signed_out' });
	});

	it('ends in the other tabs when somebody signs in anew in one of them', async () => {
		const { sync } = await opens('anna');
		const { store } = await browserOf('anna', provider);
		await Device.create(store);
		await eventually(() => sync.state).toBe('signed_out');
		await expect(sync.post(WORKSHOP, POSTED, { text: 'mit altem Schlüssel' })).rejects.toMatchObject({ code: 'base.signed_out' });
		expect(await store.db.count('outbox')).toBe(0);
	});

	it('leaves nothing behind after signing out', async () => {
		const { sync, store } = await opens('anna');
		await sync.post(WORKSHOP, POSTED, { text: 'weg' });
		await sync.signOut();
		for (const name of store.db.objectStoreNames) expect(await store.db.count(name)).toBe(0);
		expect(sync.state).toBe('signed_out');
	});
});
