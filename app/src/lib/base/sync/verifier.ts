/** Checks signatures when the browser has nothing better to do: painting comes first, and what is wrong is taken back. */
import { isSigned, type Parsed } from '../core';
import { checkKey, deviceId, type PublicKey } from '../keys';
import type { Entry } from '../types';

/** Above this the oldest are checked at once, whatever is being painted. */
export const QUEUE_MAX = 5_000;
const SLICE = 32;
const IDLE_TIMEOUT_MS = 2_000;
const KEYS_MAX = 2_000;

export interface Unchecked {
	entry: Entry;
	parsed: Parsed;
	key: PublicKey;
}

export class Verifier {
	#queue: Unchecked[] = [];
	#running: Promise<void> | null = null;
	readonly #good = new Map<string, Promise<boolean>>();

	constructor(private readonly onWrong: (wrong: Unchecked) => void) {}

	add(unchecked: Unchecked): void {
		this.#queue.push(unchecked);
		this.#running ??= this.#run().finally(() => (this.#running = null));
	}

	/** Everything that was added is checked. */
	async done(): Promise<void> {
		while (this.#running) await this.#running;
	}

	async #run(): Promise<void> {
		while (this.#queue.length > 0) {
			if (this.#queue.length < QUEUE_MAX) await idle();
			for (const one of this.#queue.splice(0, SLICE)) {
				if (!(await this.#isGood(one))) this.onWrong(one);
			}
		}
	}

	async #isGood({ entry, parsed, key }: Unchecked): Promise<boolean> {
		if (deviceId(key) !== parsed.core.dev) return false;
		let good = this.#good.get(parsed.core.dev);
		if (good === undefined) {
			if (this.#good.size >= KEYS_MAX) this.#good.clear();
			good = checkKey(key).then(() => true, () => false);
			this.#good.set(parsed.core.dev, good);
		}
		return (await good) && isSigned(entry, parsed, key);
	}
}

function idle(): Promise<void> {
	return new Promise((resolve) => {
		if (typeof requestIdleCallback === 'function') requestIdleCallback(() => resolve(), { timeout: IDLE_TIMEOUT_MS });
		else setTimeout(resolve, 0);
	});
}
