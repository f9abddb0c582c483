/** Sends what waits in the outbox, one batch at a time over all tabs, until it is empty; retries with growing pauses. */
import { ApiError } from '../errors';
import { exclusive } from '../locks';
import type { OutboxItem } from '../store';
import type { SpaceId } from '../types';
import type { Outbox } from './outbox';
import { settle } from './settle';
import { PASSING } from './verdict';

export const BATCH_MAX = 64;
/** The server reads frames up to 256 KiB; the rest is for the quotes that texts in texts need. */
export const BATCH_BYTES_MAX = 120 * 1024;
export const RETRY_MS_MIN = 250;
export const RETRY_MS_MAX = 15_000;
/** A space that waits for something is tried again after this. */
export const STUCK_MS = 5_000;
/** So often a single fact may make a provider fail before it is taken for refused. */
const POISON_TRIES = 5;

export class Sender {
	#running: Promise<void> | null = null;
	#again = false;
	#stopped = false;
	#failures = 0;
	#wake: (() => void) | null = null;
	readonly #stuckUntil = new Map<SpaceId, number>();

	constructor(
		private readonly outbox: Outbox,
		private readonly now: () => number = Date.now,
		private readonly random: () => number = Math.random
	) {}

	/** Something is waiting, or the connection is back. */
	kick(): void {
		this.#again = true;
		this.#wake?.();
		this.#running ??= this.#drain().finally(() => {
			this.#running = null;
			if (this.#again && !this.#stopped && this.outbox.ports.online()) this.kick();
		});
	}

	/** The connection is back: nothing is put off any more. */
	resume(): void {
		this.#failures = 0;
		this.#stuckUntil.clear();
		this.kick();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#wake?.();
		await this.#running;
	}

	async #drain(): Promise<void> {
		while (!this.#stopped && this.outbox.ports.online()) {
			this.#again = false;
			const sent = await exclusive('send', () => this.#batch());
			if (sent === 'failed') await this.#pause(this.#backoff());
			else if (sent === 'nothing' && !this.#again) {
				const next = Math.min(...this.#stuckUntil.values());
				if (!Number.isFinite(next)) return;
				await this.#pause(Math.max(RETRY_MS_MIN, next - this.now()));
			}
		}
	}

	async #batch(): Promise<'sent' | 'nothing' | 'failed'> {
		const items = await this.#take();
		if (items.length === 0) return 'nothing';
		let outcomes;
		try {
			outcomes = await this.outbox.ports.submit(items.map(parcelOf));
		} catch (error) {
			this.#failures += 1;
			const isPoison = items.length === 1 && error instanceof ApiError && !PASSING.has(error.code);
			if (!isPoison || this.#failures < POISON_TRIES) return 'failed';
			outcomes = [{ id: items[0]!.id, st: 'refused' as const, code: error.code, detail: error.detail }];
		}
		this.#failures = 0;
		const stuck = await exclusive('author', () => settle(this.outbox, items, outcomes));
		for (const space of stuck.keys()) this.#stuckUntil.set(space, this.now() + STUCK_MS);
		return 'sent';
	}

	/** The next batch, marked as sent on disk before it goes out. After a failure one at a time. */
	#take(): Promise<OutboxItem[]> {
		return exclusive('author', async () => {
			const store = this.outbox.store;
			const pending = await store.db.getAllFromIndex('outbox', 'state', 'pending');
			const spaces = new Set(pending.map((item) => item.space));
			const owed = (await store.db.getAllFromIndex('outbox', 'state', 'owed')).filter((item) => spaces.has(item.space));
			const voids = owed.map((item): OutboxItem => ({ ...item, state: 'pending', gone: true }));
			const batch = choose([...pending, ...voids].filter((item) => !this.#isStuck(item.space)), this.#failures > 1 ? 1 : BATCH_MAX);
			const marked = batch.map((item) => ({ ...item, sent: true }));
			const changed = marked.filter((item, at) => !batch[at]!.sent || item.gone);
			if (changed.length > 0) {
				await store.guard(async () => {
					const tx = store.strict(['outbox']);
					for (const item of changed) await tx.objectStore('outbox').put(item);
					await tx.done;
				});
			}
			return marked;
		});
	}

	#isStuck(space: SpaceId): boolean {
		const until = this.#stuckUntil.get(space);
		if (until === undefined) return false;
		if (until > this.now()) return true;
		this.#stuckUntil.delete(space);
		return false;
	}

	#backoff(): number {
		const top = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures, 10));
		return RETRY_MS_MIN + (top - RETRY_MS_MIN) * this.random();
	}

	#pause(ms: number): Promise<void> {
		return new Promise<void>((resolve) => {
			const timer = setTimeout(resolve, ms);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		}).then(() => {
			this.#wake = null;
		});
	}
}

/** Those who wait longest first; within a space in the order of numbers. */
export function choose(items: readonly OutboxItem[], countMax: number): OutboxItem[] {
	const since = new Map<SpaceId, number>();
	for (const { space, queuedAt } of items) since.set(space, Math.min(since.get(space) ?? Infinity, queuedAt));
	const order = [...items].sort(
		(a, b) => since.get(a.space)! - since.get(b.space)! || (a.space < b.space ? -1 : a.space > b.space ? 1 : 0) || a.ds - b.ds
	);
	let bytes = 0;
	const end = order.findIndex((item, at) => {
		bytes += item.parcel.c.length + (item.gone ? 0 : 3 * (item.parcel.b?.length ?? 0)) + 256;
		return at > 0 && (at >= countMax || bytes > BATCH_BYTES_MAX);
	});
	return end === -1 ? order : order.slice(0, end);
}

function parcelOf({ parcel, gone }: OutboxItem): OutboxItem['parcel'] {
	return gone ? { ...parcel, sa: null, b: null } : parcel;
}
