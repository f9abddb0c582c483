/** Who is writing where, as signals tell it; and telling others that this person is. */
import { SvelteMap } from 'svelte/reactivity';
import type { AccountId, CoreId, Signal, SpaceId, Sync } from '$lib/base';

export const TYPING_SHOWN_MS = 6_000;
export const TYPING_TOLD_EVERY_MS = 3_000;
const PEOPLE_MAX = 50;

export class Typing {
	private readonly people = new SvelteMap<string, AccountId>();
	private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
	private toldAt = 0;

	constructor(private readonly sync: Sync) {}

	/** Those who write in a channel, without this person. */
	in(space: SpaceId, channel: CoreId | null): AccountId[] {
		const prefix = `${space}/${channel ?? ''}/`;
		return [...this.people].filter(([key]) => key.startsWith(prefix)).map(([, account]) => account);
	}

	/** Tell the others, at most every `TYPING_TOLD_EVERY_MS`. */
	tell(space: SpaceId, channel: CoreId | null): void {
		const now = performance.now();
		if (this.toldAt !== 0 && now - this.toldAt < TYPING_TOLD_EVERY_MS) return;
		this.toldAt = now;
		this.sync.signal(space, 'typing', { channel });
	}

	take(signal: Signal): void {
		const { by, space } = signal;
		const channel = (signal.data as { channel?: unknown } | null)?.channel ?? '';
		if (by === null || by === this.sync.me.account.id || typeof channel !== 'string') return;
		const key = `${space}/${channel}/${by}`;
		if (!this.people.has(key) && this.people.size >= PEOPLE_MAX) return;
		this.people.set(key, by);
		clearTimeout(this.timers.get(key));
		this.timers.set(key, setTimeout(() => this.forget(key), TYPING_SHOWN_MS));
	}

	/** A message came: its author has stopped. */
	stopped(space: SpaceId, account: string): void {
		if (account === this.sync.me.account.id) this.toldAt = 0;
		for (const key of this.people.keys()) if (key.startsWith(`${space}/`) && key.endsWith(`/${account}`)) this.forget(key);
	}

	private forget(key: string): void {
		clearTimeout(this.timers.get(key));
		this.timers.delete(key);
		this.people.delete(key);
	}
}
