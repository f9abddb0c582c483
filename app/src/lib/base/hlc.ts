/**
 * The hybrid logical clock (Kulkarni et al. 2014): later than everything seen, close to the wall clock.
 * A stamp is 16 hex digits, 48 bits of milliseconds and 16 bits of counter, so that text order is time order.
 */

export const FUTURE_MAX_MS = 60_000;
const COUNTER_MAX = 0xffff;
const STAMP = /^[0-9a-f]{16}$/;

export function isStamp(text: unknown): text is string {
	return typeof text === 'string' && STAMP.test(text);
}

export function stampAt(ms: number, counter = 0): string {
	return ms.toString(16).padStart(12, '0') + counter.toString(16).padStart(4, '0');
}

/** Milliseconds since 1970 of a stamp. */
export function msOf(stamp: string): number {
	return Number.parseInt(stamp.slice(0, 12), 16);
}

/** What orders concurrent writes of one field: time, device, number. */
export function stampOf(core: { t: string; dev: string; ds: number }): string {
	return core.t + core.dev + core.ds.toString(16).padStart(8, '0');
}

/** Invariant: it never merges further ahead than the wall clock plus FUTURE_MAX_MS. */
export class Hlc {
	#ms = 0;
	#counter = 0;

	/** `now`: the wall clock in ms, corrected by what the provider said. */
	constructor(private readonly now: () => number) {}

	/** The stamp of something that happens now. */
	tick(): string {
		const now = Math.floor(this.now());
		if (now > this.#ms) {
			this.#ms = now;
			this.#counter = 0;
		} else if (this.#counter < COUNTER_MAX) {
			this.#counter += 1;
		} else {
			this.#ms += 1;
			this.#counter = 0;
		}
		return stampAt(this.#ms, this.#counter);
	}

	/** Take note of another's stamp, so that what follows is later. */
	observe(stamp: string): void {
		const ms = msOf(stamp);
		const counter = Number.parseInt(stamp.slice(12), 16);
		if (ms > this.now() + FUTURE_MAX_MS) return;
		if (ms > this.#ms || (ms === this.#ms && counter > this.#counter)) {
			this.#ms = ms;
			this.#counter = counter;
		}
	}

	/**
	 * The provider's clock turned out to be behind: forget a lead of more than FUTURE_MAX_MS, for such stamps are
	 * refused. Everything refused for it is written anew, so nothing that counts is later than the new stamps.
	 */
	settle(): void {
		const now = Math.floor(this.now());
		if (this.#ms > now + FUTURE_MAX_MS) {
			this.#ms = now;
			this.#counter = 0;
		}
	}
}
