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
		const { accounts, state } = (signal.data ?? {}) as { accounts?: unknown; state?: unknown };
		if (!Array.isArray(accounts) || !STATES.has(state)) return;
		for (const account of accounts) {
			if (typeof account === 'string') this.set(account, state as Present);
		}
	}

	/** Whoever types is there. */
	seen(account: string): void {
		this.set(account, 'online');
	}

	/** The connection is gone: what was heard may no longer hold. */
	forget(): void {
		this.states.clear();
	}

	private set(account: string, state: Present): void {
		if (this.states.size < PEOPLE_MAX || this.states.has(account)) this.states.set(account, state);
	}
}
