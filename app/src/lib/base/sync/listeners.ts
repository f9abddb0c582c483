/** Who wants to hear what passes: signals, spaces loaded anew, the connection coming back. */
import type { SignalFrame } from '../live';
import type { CoreId, Signal, SpaceId } from '../types';

/** A fact that only a newer release can show; when it can be shown, it waits no longer. */
export interface Newer {
	space: SpaceId;
	id: CoreId;
	/** The channel that its body names, if it names one as today's facts do. */
	channel: string | null;
	/** When it was written: its place, if it is shown at all. */
	t: string;
	waits: boolean;
}

export class Listeners {
	readonly #signals = new Map<string, Set<(signal: Signal) => void>>();
	readonly #resets = new Set<(space: SpaceId) => void>();
	readonly #onlines = new Set<() => void>();
	readonly #newers = new Set<(fact: Newer) => void>();

	onSignal(kind: string, told: (signal: Signal) => void): () => void {
		const all = this.#signals.get(kind) ?? new Set();
		this.#signals.set(kind, all);
		return subscribe(all, told);
	}

	onReset(told: (space: SpaceId) => void): () => void {
		return subscribe(this.#resets, told);
	}

	onOnline(told: () => void): () => void {
		return subscribe(this.#onlines, told);
	}

	onNewer(told: (fact: Newer) => void): () => void {
		return subscribe(this.#newers, told);
	}

	newer(fact: Newer): void {
		for (const told of [...this.#newers]) told(fact);
	}

	signal({ sp, k, d, by }: SignalFrame): void {
		for (const told of this.#signals.get(k) ?? []) told({ space: sp, kind: k, data: d, by });
	}

	reset(space: SpaceId): void {
		for (const told of [...this.#resets]) told(space);
	}

	online(): void {
		for (const told of [...this.#onlines]) told();
	}
}

function subscribe<T>(all: Set<T>, one: T): () => void {
	all.add(one);
	return () => all.delete(one);
}
