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

/** Runs `work` unless somebody does already. Returns whether it ran. */
export async function tryExclusive(name: string, work: () => Promise<unknown>): Promise<boolean> {
	const locks = (globalThis.navigator as Navigator | undefined)?.locks;
	if (locks !== undefined) {
		return locks.request(`verbund.${name}`, { ifAvailable: true }, async (lock) => {
			if (lock !== null) await work();
			return lock !== null;
		});
	}
	if (waiting.has(name)) return false;
	await exclusive(name, work);
	return true;
}
