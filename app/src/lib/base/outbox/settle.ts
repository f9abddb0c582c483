/** What a provider said about a batch becomes the outbox's new state. Runs under the author lock. */
import type { Outcome } from '../live';
import type { OutboxItem, OwnCore } from '../store';
import type { CoreId, SpaceId } from '../types';
import { LOST_ASKS, UNMET_ASKS, type Change, type Outbox } from './outbox';
import { passOver, type Passed } from './passing';
import { verdictOf, type Verdict } from './verdict';

/** Spaces that cannot go on now, with what is missing. */
export type Stuck = Map<SpaceId, { missing: CoreId[] }>;

interface Settled {
	changes: Change[];
	puts: OutboxItem[];
	deletes: CoreId[];
	again: OutboxItem[];
	stuck: Stuck;
	/** Spaces in which what the provider asks for will not come. */
	lost: Map<SpaceId, Passed>;
}

export async function settle(outbox: Outbox, items: readonly OutboxItem[], outcomes: readonly Outcome[]): Promise<Stuck> {
	const settled: Settled = { changes: [], puts: [], deletes: [], again: [], stuck: new Map(), lost: new Map() };
	for (const [at, item] of items.entries()) {
		const outcome = outcomes[at];
		if (outcome === undefined || (await isSettled(outbox, item, outcome))) continue;
		await apply(outbox, settled, item, verdictOf(item, outcome));
	}
	const { changes, puts, deletes, again, stuck, lost } = settled;
	if (changes.length > 0 || puts.length > 0 || deletes.length > 0) await outbox.commit(changes, { puts, deletes });
	for (const space of new Set(again.map((item) => item.space))) {
		outbox.ports.pen.hlc.settle();
		await outbox.rewriteTail(space, again.filter((item) => item.space === space), []);
	}
	for (const [space, last] of lost) await passOver(outbox, space, last);
	return stuck;
}

/** The entry may have come back before the acknowledgement, or another tab was told. Acceptance wins over a refusal. */
async function isSettled(outbox: Outbox, item: OutboxItem, { st }: Outcome): Promise<boolean> {
	const held = await outbox.store.db.get('outbox', item.id);
	if (held === undefined) return true;
	return held.state !== 'pending' && held.state !== 'accepted' && st !== 'accepted' && st !== 'durable';
}

async function apply(outbox: Outbox, settled: Settled, item: OutboxItem, verdict: Verdict): Promise<void> {
	switch (verdict.is) {
		case 'accepted': {
			const isDurable = verdict.durable || outbox.isDurable(item);
			const isDone = isDurable || outbox.ports.letsGoAt(item.space) === 'accepted';
			settled.changes.push({ item, state: isDurable ? 'durable' : 'accepted' });
			if (isDone) settled.deletes.push(item.id);
			else settled.puts.push(accepted(item));
			return;
		}
		case 'void':
			if (item.gone) settled.deletes.push(item.id);
			else if (verdict.rewrite) settled.again.push({ ...item, state: 'refused' });
			else refuse(settled, item, 'refused', verdict);
			return;
		case 'owed':
			if (verdict.code === 'log.reused_number') outbox.ports.trouble(verdict.code);
			if (item.gone) await refuseAll(outbox, settled, item, verdict);
			else refuse(settled, item, 'owed', verdict);
			return;
		case 'asked':
			if (settled.puts.some((one) => one.space === item.space && one.state === 'owed')) return;
			if (!settled.stuck.has(item.space)) await askedFor(outbox, settled, item, verdict);
	}
}

/** It may have been refused elsewhere before. */
function accepted({ code: _code, detail: _detail, ...item }: OutboxItem): OutboxItem {
	return { ...item, state: 'accepted', gone: false };
}

function refuse(settled: Settled, item: OutboxItem, state: 'refused' | 'owed', { code, detail }: { code: string; detail: string }): void {
	settled.puts.push({ ...item, state, code, detail });
	settled.changes.push({ item, state: 'refused', code, detail });
}

/** Not even a void is taken: nothing of this device goes into this space. */
async function refuseAll(
	outbox: Outbox,
	settled: Settled,
	first: OutboxItem,
	verdict: { code: string; detail: string }
): Promise<void> {
	settled.puts.push({ ...first, state: 'owed' });
	const range = IDBKeyRange.bound([first.space], [first.space, []]);
	for (const item of await outbox.store.db.getAllFromIndex('outbox', 'place', range)) {
		if (item.state !== 'pending' || item.id === first.id) continue;
		if (item.gone) settled.puts.push({ ...item, state: 'owed' });
		else refuse(settled, item, 'owed', verdict);
	}
}

/** A provider that lost its newest gets them again; otherwise the space waits, for what is nowhere not for ever. */
async function askedFor(
	outbox: Outbox,
	settled: Settled,
	item: OutboxItem,
	{ ds, dp, missing }: { ds: number; dp: CoreId | null; missing: CoreId[] }
): Promise<void> {
	settled.stuck.set(item.space, { missing });
	if (ds >= item.ds) {
		if (missing.length > 0 && outbox.isLost(item.space, ds, UNMET_ASKS)) lose(settled, item.space, { ds: ds - 1, dp, missing });
		return;
	}
	const db = outbox.store.db;
	const kept = await db.getAllFromIndex('outbox', 'place', IDBKeyRange.bound([item.space], [item.space, []]));
	// What was refused is not sent again.
	const waiting = new Set(kept.filter((one) => one.state !== 'refused').map((one) => one.ds));
	const own = await db.getAll('own', IDBKeyRange.bound([item.space, ds], [item.space, item.ds - 1]));
	const found = own.filter((core) => !waiting.has(core.ds));
	const isWhole = Array.from({ length: item.ds - ds }, (_, at) => ds + at).every(
		(number) => waiting.has(number) || found.some((core) => core.ds === number)
	);
	if (!isWhole) {
		outbox.ports.trouble('log.provider_behind');
		if (outbox.isLost(item.space, ds, LOST_ASKS)) lose(settled, item.space, { ds: ds - 1, dp, missing: [] });
		return;
	}
	if (found.length > 0) settled.stuck.delete(item.space);
	settled.puts.push(...found.map((core) => itemOf(core, item.queuedAt)));
}

function lose(settled: Settled, space: SpaceId, passed: Passed): void {
	settled.lost.set(space, passed);
	settled.stuck.delete(space);
}

function itemOf({ space, ds, id, kind, parcel }: OwnCore, queuedAt: number): OutboxItem {
	const body = parcel.b === null ? {} : (JSON.parse(parcel.b) as OutboxItem['body']);
	return { id, space, ds, kind, re: [], body, parcel, state: 'pending', sent: true, gone: false, tries: 0, queuedAt };
}
