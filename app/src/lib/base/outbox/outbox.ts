/**
 * The outbox: what this browser wrote and no provider has for good yet. Shared by all tabs; one of them writes at a time.
 *
 * Invariant: a (device, space, number) that was ever sent stands for one core for ever (outbox.test.ts). Therefore a core
 * is on disk here before it is sent, and a refused one stays in the chain as a void.
 */
import { isHash } from '../b64';
import { Refusal } from '../errors';
import { exclusive } from '../locks';
import type { Outcome } from '../live';
import { applyRows, type OutboxItem, type OwnCore, type RowOp, type Store, type StoredChain } from '../store';
import type { Core, CoreId, FactState, JsonObject, Parcel, SpaceId, Vector } from '../types';
import { headsAfter, isAuthority, type WriteOptions } from '../device';
import { settle } from './settle';
import { chainAfter, chainBefore, rewrite, writeNext, type Intent, type Pen } from './writing';

/** Facts that may wait here; beyond, posting is refused until some are sent. */
export const WAITING_MAX = 1_000;
/** Asked so often in a row for own facts that are nowhere, they are taken for lost: about two minutes (see STUCK_MS). */
export const LOST_ASKS = 24;
/** Asked so often in a row for what an own fact names, it is taken for not to be had there: about a minute. */
export const UNMET_ASKS = 12;
/** Accepted cores kept per space for a provider that lost its newest. */
export const OWN_MAX = 200;

export interface Change {
	item: OutboxItem;
	state: FactState;
	code?: string;
	detail?: string;
}

export interface Head {
	ds: number;
	dp: CoreId | null;
	heads: CoreId[];
}

export interface Ports {
	store: Store;
	pen: Pen;
	submit: (parcels: OutboxItem['parcel'][]) => Promise<Outcome[]>;
	/** Whether sending makes sense now. */
	online: () => boolean;
	/** Where this device goes on in a space that is not known here. Raises Offline. */
	head: (space: SpaceId) => Promise<Head>;
	/** What the outbox waits for before it lets go. */
	letsGoAt: (space: SpaceId) => 'accepted' | 'durable';
	/** Runs the folds: what to write with the change, and what to tell the other tabs once it is written. */
	fold: (changes: Change[]) => { ops: RowOp[]; publish: () => void };
	trouble: (code: string) => void;
	/** This trouble is over. */
	well: (code: string) => void;
}

export class Outbox {
	/** How far each space is known to be held by enough providers. */
	readonly #durable = new Map<SpaceId, Vector>();
	/** From which own number on a provider asks for what it is not given, and how often in a row. */
	readonly #asked = new Map<SpaceId, { ds: number; count: number }>();

	constructor(readonly ports: Ports) {}

	get store(): Store {
		return this.ports.store;
	}

	/** Write a fact: numbered, signed, folded, on disk. A space of null begins a new one. */
	add(space: SpaceId | null, intent: Intent): Promise<OutboxItem> {
		return exclusive('author', async () => {
			if ((await this.waiting()) >= WAITING_MAX) throw new Refusal('base.outbox_full');
			const before = space === null ? null : await this.#chain(space, intent);
			const { item, chain } = await writeNext(this.ports.pen, before, intent);
			item.sent = this.ports.online();
			await this.commit([{ item, state: 'pending' }], { puts: [item], chain });
			return item;
		});
	}

	/** How many facts no provider has accepted. */
	waiting(): Promise<number> {
		return this.store.db.countFromIndex('outbox', 'state', 'pending');
	}

	/** Write a refused fact anew. Returns its new id. */
	retry(id: CoreId): Promise<CoreId> {
		return exclusive('author', async () => {
			const item = await this.store.db.get('outbox', id);
			if (item === undefined || (item.state !== 'refused' && item.state !== 'owed')) return id;
			const [again] = await this.rewriteTail(item.space, [{ ...item, tries: 0 }], []);
			return again!.id;
		});
	}

	/** Let a fact go that was refused, or that has not been sent. */
	discard(id: CoreId): Promise<void> {
		return exclusive('author', async () => {
			const item = await this.store.db.get('outbox', id);
			if (item === undefined) return;
			if (item.state === 'refused') await this.store.db.delete('outbox', id);
			else if (item.state === 'owed') await this.store.db.put('outbox', { ...item, gone: true });
			else if (item.state === 'pending' && !item.sent) await this.rewriteTail(item.space, [], [item]);
		});
	}

	/**
	 * Take the words out of what this device keeps of its own facts in a space: what no provider has is let go, of what
	 * one has the header stays.
	 */
	async erase(space: SpaceId, goes: (item: { id: CoreId; kind: string; t: string }) => boolean): Promise<void> {
		const range = IDBKeyRange.bound([space], [space, []]);
		const chosen = ({ id, kind, parcel }: OwnCore | OutboxItem): boolean => goes({ id, kind, t: (JSON.parse(parcel.c) as Core).t });
		for (const item of await this.store.db.getAllFromIndex('outbox', 'place', range)) {
			if (item.state !== 'accepted' && chosen(item)) await this.discard(item.id);
		}
		await exclusive('author', async () => {
			const tx = this.store.relaxed(['outbox', 'own']);
			for (const core of await tx.objectStore('own').getAll(range)) {
				if (chosen(core)) await tx.objectStore('own').put({ ...core, parcel: bodiless(core.parcel) });
			}
			for (const item of await tx.objectStore('outbox').index('place').getAll(range)) {
				if (item.state === 'accepted' && chosen(item)) await tx.objectStore('outbox').put({ ...item, body: {}, parcel: bodiless(item.parcel) });
			}
			await tx.done;
		});
	}

	/** Take in what the provider says about where this device goes on, and which authority facts are the newest. */
	reconcile(spaces: readonly (Head & { id: SpaceId })[]): Promise<void> {
		return exclusive('author', async () => {
			const unsettled = await this.store.db.getAllFromIndex('outbox', 'state', 'pending');
			const waiting = new Set(unsettled.map((item) => item.space));
			const tx = this.store.strict(['chains']);
			const chains = tx.objectStore('chains');
			for (const told of spaces) {
				const held = await chains.get(told.id);
				if (held !== undefined && (waiting.has(told.id) || isSame(held, told))) continue;
				const later = held !== undefined && held.ds > told.ds ? held : told;
				await chains.put({ space: told.id, ds: later.ds, dp: later.dp, heads: told.heads, pending: held?.pending ?? null });
			}
			await tx.done;
		});
	}

	/** An authority fact arrived: what is written from now on has seen it. */
	async saw(space: SpaceId, core: { id: CoreId; kind: string; ah: CoreId[] }): Promise<void> {
		await exclusive('author', async () => {
			const tx = this.store.relaxed(['chains']);
			const chain = await tx.objectStore('chains').get(space);
			if (chain !== undefined) {
				const pending = chain.pending === core.id ? null : chain.pending;
				await tx.objectStore('chains').put({ ...chain, heads: headsAfter(chain.heads, core), pending });
			}
			await tx.done;
		});
	}

	/**
	 * An own fact came back in a sub-log: it is accepted even when the acknowledgement was lost, or void. Where one
	 * provider accepted what another refused, acceptance wins, whichever is heard of first.
	 */
	async arrived(id: CoreId, place: { sublog: string; n: number }, isVoid: boolean): Promise<void> {
		if ((await this.store.db.get('outbox', id)) === undefined) return;
		await exclusive('author', async () => {
			const item = await this.store.db.get('outbox', id);
			if (item === undefined || (isVoid && item.state === 'refused')) return;
			const outcome: Outcome = isVoid ? { id, st: 'refused', code: 'log.refused_before', dp: id } : { id, st: 'accepted' };
			await settle(this, [{ ...item, place }], [outcome]);
		});
	}

	/** So many providers as the space demands hold everything that the vector covers. */
	async durable(space: SpaceId, vector: Vector): Promise<void> {
		const range = IDBKeyRange.bound([space], [space, []]);
		this.#durable.set(space, { ...this.#durable.get(space), ...vector });
		if ((await this.store.db.countFromIndex('outbox', 'state', 'accepted')) === 0) return;
		await exclusive('author', async () => {
			const all = await this.store.db.getAllFromIndex('outbox', 'place', range);
			const items = all.filter((item) => item.state === 'accepted' && this.isDurable(item));
			if (items.length === 0) return;
			await this.commit(items.map((item) => ({ item, state: 'durable' })), { deletes: items.map((item) => item.id) });
		});
	}

	/** Whether enough providers are known to hold it. */
	isDurable({ space, place }: OutboxItem): boolean {
		return place !== undefined && (this.#durable.get(space)?.[place.sublog] ?? 0) >= place.n;
	}

	/** A provider asks, to go on from this number, for what it is not given. Whether it has asked often enough. */
	isLost(space: SpaceId, ds: number, asksMax: number): boolean {
		const before = this.#asked.get(space);
		const count = before?.ds === ds ? before.count + 1 : 1;
		if (count < asksMax) this.#asked.set(space, { ds, count });
		else this.#asked.delete(space);
		return count >= asksMax;
	}

	/** Another provider stands in: it gets everything that may have been with the one before alone. */
	again(): Promise<void> {
		return exclusive('author', async () => {
			const tx = this.store.strict(['outbox']);
			for (const item of await tx.objectStore('outbox').index('state').getAll('accepted')) {
				await tx.objectStore('outbox').put({ ...item, state: 'pending' });
			}
			await tx.done;
		});
	}

	/**
	 * Write anew, at the end of a space's chain: `again` first, then what was never sent (without `dropped`), so that
	 * the order stays. Runs under the author lock. Returns the new items.
	 */
	async rewriteTail(space: SpaceId, again: readonly OutboxItem[], dropped: readonly OutboxItem[]): Promise<OutboxItem[]> {
		const all = await this.store.db.getAllFromIndex('outbox', 'place', IDBKeyRange.bound([space], [space, []]));
		const unsent = all.filter((item) => item.state === 'pending' && !item.sent);
		const gone = new Set(dropped.map((item) => item.id));
		const replaced = [...again, ...unsent];
		const held = (await this.store.db.get('chains', space)) ?? { ...START, space };
		const isLost = replaced.some((item) => item.id === held.pending);
		const before = unsent[0] ? chainBefore(unsent[0], held) : held;
		const start = isLost ? { ...before, pending: null } : before;
		const { items, chain } = await rewrite(this.ports.pen, start, [...again, ...unsent.filter((item) => !gone.has(item.id))]);
		const stays = again.filter((item) => item.state === 'owed').map((item) => ({ ...item, gone: true }));
		await this.commit(
			[
				...replaced.map((item): Change => ({ item, state: 'refused', code: gone.has(item.id) ? 'base.discarded' : 'base.replaced' })),
				...items.map((item): Change => ({ item, state: 'pending' }))
			],
			{ puts: [...items, ...stays], chain, deletes: replaced.filter((item) => item.state !== 'owed').map((item) => item.id) }
		);
		return items;
	}

	/** Fold and write changes in one strict transaction, then tell the other tabs. A full disk takes the facts back. */
	async commit(
		changes: Change[],
		{ puts = [], deletes = [], chain }: { puts?: OutboxItem[]; deletes?: CoreId[]; chain?: StoredChain }
	): Promise<void> {
		const { ops, publish } = this.ports.fold(changes);
		try {
			await this.store.guard(async () => {
				const tx = this.store.strict(['outbox', 'chains', 'own', 'rows']);
				for (const id of deletes) await tx.objectStore('outbox').delete(id);
				for (const item of puts) await tx.objectStore('outbox').put(item);
				if (chain) await tx.objectStore('chains').put(chain);
				for (const { item, state } of changes) {
					const { space, ds, id, kind, parcel } = item;
					const isAccepted = state === 'accepted' || state === 'durable';
					if (state !== 'pending' && isAuthority(kind) && !chain) {
						const held = await tx.objectStore('chains').get(space);
						if (held) await tx.objectStore('chains').put(chainAfter(held, item, isAccepted));
					}
					if (!isAccepted) continue;
					await tx.objectStore('own').put({ space, ds, id, kind, parcel });
					await tx.objectStore('own').delete(IDBKeyRange.bound([space], [space, ds - OWN_MAX]));
				}
				await applyRows(tx.objectStore('rows') as never, ops);
				await tx.done;
			});
		} catch (error) {
			const lost = changes.filter((change) => change.state === 'pending');
			if (lost.length > 0) this.ports.fold(lost.map(({ item }) => ({ item, state: 'refused', code: 'base.quota_exceeded' })));
			throw error;
		}
		publish();
	}

	async #chain(space: SpaceId, options: WriteOptions): Promise<StoredChain> {
		if (!isHash(space)) throw new Refusal('log.malformed_core', 'space');
		const held = await this.store.db.get('chains', space);
		if (held !== undefined) return held;
		if (options.derived) return { ...START, space };
		const { ds, dp, heads } = await this.ports.head(space);
		return { ...START, space, ds, dp, heads };
	}
}

const START = { ds: 0, dp: null, heads: [], pending: null };

function isSame(held: StoredChain, told: Head): boolean {
	return held.ds >= told.ds && held.heads.join() === [...told.heads].sort().join();
}

const bodiless = (parcel: Parcel): Parcel => ({ ...parcel, sa: null, b: null });
