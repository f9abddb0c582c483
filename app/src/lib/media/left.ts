/** How far somebody got when they left the page. Kept at once: to sign and store it takes longer than a page that goes away has. */
import type { AccountId } from '$lib/base';

/** `at`: milliseconds since 1970 by the provider's clock. */
export interface Left { account: AccountId; space: string; film: string; at: number; position_ms: number; duration_ms: number }

const KEY = 'verbund.media.left';

export function keep(left: Left): void {
	storing((storage) => storage.setItem(KEY, JSON.stringify(left)));
}

/** It is written down properly now; a later one stays. */
export function letGo(left: Left): void {
	storing((storage) => storage.getItem(KEY) === JSON.stringify(left) && storage.removeItem(KEY));
}

/** What this person left without its being written down; what somebody else left here is forgotten. */
export function kept(account: AccountId): Left | null {
	const text = storing((storage) => storage.getItem(KEY));
	const left = text ? read(text) : null;
	if (left?.account === account) return left;
	if (text) storing((storage) => storage.removeItem(KEY));
	return null;
}

function read(text: string): Left | null {
	try {
		return JSON.parse(text) as Left | null;
	} catch {
		return null;
	}
}

/** A browser may have no such store, a full one, or forbid it: then only the last seconds before leaving are missing. */
function storing<T>(use: (storage: Storage) => T): T | null {
	try {
		return use(localStorage);
	} catch {
		return null;
	}
}
