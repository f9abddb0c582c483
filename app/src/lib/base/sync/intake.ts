/**
 * Takes in the entries of followed spaces: order, chain, form; then folds, rows and vector in one transaction.
 *
 * Invariant: rows and vector on disk always belong together (sync.test.ts). Memory may be ahead of the disk.
 */
import { chainOf, CHAIN_START, checkPlace, NEWER, QUARANTINED, SETTLED, sublog, VOID, WAITING } from '../entry';
import { parse, type Parsed } from '../core';
import { Refusal } from '../errors';
import { applyRows, ROWS_MAX, type RowOp, type Store, type StoredLog } from '../store';
import type { CoreId, DeviceId, Entry, SpaceId, Vector } from '../types';

/** Entries that wait for their turn; beyond, the connection is dropped and resumes by vector. */
export const QUEUE_MAX = 20_000;
/** Entries that wait for their causes and are remembered; more than so many numbers back they are given up. */
const WAITING_MAX = 500;
const WAITING_BACK_MAX = 1_000;
/** So often a gap is asked for again before the space is given up until the next start. */
const GAPS_MAX = 3;
/** After so many writes of rows, surplus ones are looked for. */
const TRIM_EVERY = ROWS_MAX / 4;

export interface IntakePorts {
	store: Store;
	/** Make sure that these devices are known, as far as they can be. */
	learn: (space: SpaceId, devices: Set<DeviceId>) => Promise<void>;
	/** Fold an entry, or take back what it did: what to write. */
	fold: (entry: Entry, parsed: Parsed) => RowOp[];
	/** Whether this release, or something in it, knows what to do with such a fact. */
	knows: (kind: string) => boolean;
	/** What only a newer release can show came, or can be shown now (`waits` is false). */
	newer: (parsed: Parsed, waits: boolean) => void;
	/** The entries are in: folded and, as far as possible, on disk. */
	taken: (space: SpaceId, entries: { entry: Entry; parsed: Parsed }[]) => void;
	refollow: (space: SpaceId) => void;
	overrun: () => void;
	trouble: (code: string, detail?: string) => void;
}

interface Held {
	vector: Record<string, number>;
	chains: Record<string, string>;
	waiting: Map<CoreId, { key: string; n: number }>;
	gaps: number;
	isBroken: boolean;
}

interface Taken {
	entry: Entry;
	parsed: Parsed | null;
	ops: RowOp[];
	/** It was waiting when its number came, and settles now; or it was shown, and is to be taken back. */
	isLate: boolean;
	isBack: boolean;
}

type Known = Taken & { parsed: Parsed };

export class Intake {
	readonly #held = new Map<SpaceId, Held>();
	readonly #turns = new Map<SpaceId, Promise<void>>();
	readonly #written = new Map<string, number>();
	#queued = 0;

	constructor(private readonly ports: IntakePorts) {}

	/** Begin with what is stored, or else with `from` (then older entries are never held here). Returns the vector. */
	async open(space: SpaceId, from: Vector = {}): Promise<Vector> {
		const held = this.#held.get(space);
		if (held !== undefined) return held.vector;
		const db = this.ports.store.db;
		let log = await db.get('logs', space);
		if (log === undefined) {
			log = { space, vector: { ...from }, chains: {}, usedAt: Date.now() };
			await this.ports.store.guard(() => db.put('logs', log as StoredLog)).catch(() => undefined);
		}
		const waiting = new Map((log.waiting ?? []).map(([id, key, n]) => [id, { key, n }]));
		this.#held.set(space, { vector: { ...log.vector }, chains: { ...log.chains }, waiting, gaps: 0, isBroken: false });
		return log.vector;
	}

	/** Where to go on from: what waited is asked for once more, for its cause may have come while nobody was here. */
	from(space: SpaceId): Vector {
		const { vector = {}, waiting = new Map() } = this.#held.get(space) ?? {};
		const from = { ...vector };
		for (const [id, { key, n }] of waiting) {
			if ((vector[key] ?? 0) - n > WAITING_BACK_MAX) waiting.delete(id);
			else from[key] = Math.min(from[key] ?? 0, n - 1);
		}
		return from;
	}

	/** Forget what is in memory; what is stored stays. */
	close(space: SpaceId): void {
		this.#held.delete(space);
	}

	vector(space: SpaceId): Vector {
		return { ...this.#held.get(space)?.vector };
	}

	spaces(): SpaceId[] {
		return [...this.#held.keys()];
	}

	/** Entries of one frame. Frames of a space are taken in one after the other. */
	take(space: SpaceId, entries: readonly Entry[]): Promise<void> {
		this.#queued += entries.length;
		if (this.#queued > QUEUE_MAX) this.ports.overrun();
		const turn = (this.#turns.get(space) ?? Promise.resolve())
			.then(() => this.#take(space, entries))
			.catch((error: unknown) => console.error('entries were not taken in', error))
			.finally(() => {
				this.#queued -= entries.length;
				if (this.#turns.get(space) === turn) this.#turns.delete(space);
			});
		this.#turns.set(space, turn);
		return turn;
	}

	/** Everything that came so far is in. */
	async done(): Promise<void> {
		while (this.#turns.size > 0) await Promise.all(this.#turns.values());
	}

	async #take(space: SpaceId, entries: readonly Entry[]): Promise<void> {
		const held = this.#held.get(space);
		if (held === undefined || held.isBroken) return;
		const taken: Taken[] = [];
		try {
			for (const entry of entries) this.#place(held, entry, taken);
		} catch (error) {
			this.#broken(space, held, error);
		}
		const shown = taken.filter(isShown);
		const newer = taken.filter((one): one is Known => one.parsed !== null && (one.isLate || this.#isNewer(one.entry, one.parsed)));
		await this.ports.learn(space, new Set([...shown, ...newer].map(({ parsed }) => parsed.core.dev)));
		for (const { entry, parsed } of newer) this.ports.newer(parsed, this.#isNewer(entry, parsed));
		for (const one of [...shown, ...taken.filter(isBack)]) one.ops = this.ports.fold(one.entry, one.parsed);
		await this.#save(space, held, taken);
		this.ports.taken(space, taken.filter((one) => one.parsed !== null) as { entry: Entry; parsed: Parsed }[]);
	}

	/** Check the place of an entry and go past it. Raises Refusal for a chain that is broken or has a gap. */
	#place(held: Held, entry: Entry, taken: Taken[]): void {
		const key = sublog(entry);
		const have = held.vector[key] ?? 0;
		const isLate = entry.n <= have;
		const hasWaited = held.waiting.has(entry.id);
		// It was shown. Later its author, or their device, turned out not to belong here by then.
		const isBack = isLate && !hasWaited && (entry.x === QUARANTINED || entry.x === WAITING);
		const parsed = isLate && !hasWaited && !isBack ? null : this.#parse(entry);
		if (isLate) {
			if (!isBack && (this.#waits(entry, parsed) || !held.waiting.delete(entry.id))) return;
		} else {
			if (entry.n > have + 1) throw new Refusal('log.broken_chain', 'gap');
			const before = entry.n === 1 ? CHAIN_START : held.chains[key] && chainOf(held.chains[key]);
			if (before) checkPlace(entry, before);
			held.vector[key] = entry.n;
			held.chains[key] = entry.h;
			held.gaps = 0;
		}
		if (this.#waits(entry, parsed) && held.waiting.size < WAITING_MAX) held.waiting.set(entry.id, { key, n: entry.n });
		taken.push({ entry, parsed, ops: [], isLate, isBack });
	}

	/** Whether it is to be asked for once more: its causes, or the release that knows it, are still to come. */
	#waits(entry: Entry, parsed: Parsed | null): boolean {
		return entry.x === WAITING || (parsed !== null && this.#isNewer(entry, parsed));
	}

	#isNewer(entry: Entry, parsed: Parsed): boolean {
		return entry.x === NEWER || (entry.x === SETTLED && !this.ports.knows(parsed.core.k));
	}

	#parse(entry: Entry): Parsed | null {
		try {
			const parsed = parse({ c: entry.c, s: entry.s, sa: entry.sa, b: entry.b });
			if (parsed.id === entry.id) return parsed;
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
		}
		this.ports.trouble('log.malformed_core', entry.id);
		return null;
	}

	#broken(space: SpaceId, held: Held, error: unknown): void {
		if (!(error instanceof Refusal)) throw error;
		held.gaps += 1;
		if (error.reason === 'gap' && held.gaps <= GAPS_MAX) return this.ports.refollow(space);
		held.isBroken = true;
		this.ports.trouble('log.broken_chain', error.reason);
	}

	/** Rows and vector in one transaction. What another tab has stored is not written again. */
	async #save(space: SpaceId, held: Held, taken: readonly Taken[]): Promise<void> {
		if (taken.length === 0) return;
		const { store } = this.ports;
		try {
			await store.guard(async () => {
				const tx = store.relaxed(['rows', 'logs']);
				const log = await tx.objectStore('logs').get(space);
				if (log !== undefined) {
					const next = { ...log, vector: { ...log.vector }, chains: { ...log.chains }, usedAt: Date.now() };
					const ops = taken.flatMap((one) => (one.isLate || advance(next, one.entry) ? one.ops : []));
					await applyRows(tx.objectStore('rows') as never, ops);
					const waiting = [...held.waiting].map(([id, { key, n }]): [CoreId, string, number] => [id, key, n]);
					await tx.objectStore('logs').put({ ...next, waiting });
				}
				await tx.done;
			});
		} catch (error) {
			console.error('entries are shown but not stored', error);
		}
		await this.#trim(taken.flatMap((one) => one.ops));
	}

	async #trim(ops: readonly RowOp[]): Promise<void> {
		for (const op of ops) {
			if (op.op === 'remove' || op.op === 'sweep') continue;
			const { space, kind } = op.op === 'put' ? op.row : op;
			const key = `${space}/${kind}`;
			const written = (this.#written.get(key) ?? 0) + 1;
			this.#written.set(key, written % TRIM_EVERY);
			if (written === TRIM_EVERY) await this.ports.store.trim(space, kind).catch(() => undefined);
		}
	}
}

function isBack(one: Taken): one is Known {
	return one.parsed !== null && one.isBack;
}

function isShown(one: Taken): one is Known {
	const { x } = one.entry;
	return one.parsed !== null && x !== VOID && x !== WAITING && x !== QUARANTINED && x !== NEWER;
}

/** Whether the stored log goes on with this entry; then it does. */
function advance(log: { vector: Record<string, number>; chains: Record<string, string> }, entry: Entry): boolean {
	const key = sublog(entry);
	if (entry.n !== (log.vector[key] ?? 0) + 1) return false;
	log.vector[key] = entry.n;
	log.chains[key] = entry.h;
	return true;
}

