/** One at a time over all tabs (Web Locks), or over this page alone where the browser has none. */

const waiting = new Map<string, Promise<unknown>>();

/** Runs `work` while nobody else runs under this name. Keep `work` short or bounded by a timeout. */
export function exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
	const locks = (globalThis.navigator as Navigator | undefined)?.locks;
	if (locks !== undefined) return locks.request(`verbund.${name}`, work) as Promise<T>;
	const turn = (waiting.get(name) ?? Promise.resolve()).then(work, work);
	waiting.set(name, turn);
	const forget = (): void => {
		if (waiting.get(name) === turn) waiting.delete(name);
	};
	turn.then(forget, forget);
	return turn;
}
