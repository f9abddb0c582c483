/** Who is there, as the provider's signals tell it. */
import { SvelteMap } from 'svelte/reactivity';
import type { AccountId, Signal } from '$lib/base';

type Present = 'online' | 'away' | 'offline';
const STATES = new Set<unknown>(['online', 'away', 'offline']);
const PEOPLE_MAX = 5_000;

export class Presence {
	private readonly states = new SvelteMap<string, Present>();

	/** Undefined until something was heard; then the list of members knows better. */
	of(account: AccountId): Present | undefined {
		return this.states.get(account);
	}

	take(signal: Signal): void {
		const { account, state } = (signal.data ?? {}) as { account?: unknown; state?: unknown };
		if (typeof account !== 'string' || !STATES.has(state)) return;
		if (this.states.size >= PEOPLE_MAX && !this.states.has(account)) return;
		this.states.set(account, state as Present);
	}

	/** The connection is gone: what was heard may no longer hold. */
	forget(): void {
		this.states.clear();
	}
}
