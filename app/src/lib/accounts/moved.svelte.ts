/** Whether one has a password at the home that the organisation has chosen: remembered by this browser. */
import type { Host, Sync } from '$lib/base';

const KEY = 'verbund.moved';

function read(): string {
	try {
		return localStorage.getItem(KEY) ?? '';
	} catch {
		return '';
	}
}

let held = $state(read());

/** The organisation's home, while this page is another provider's and nothing was done about it here yet. */
export function newHome(sync: Sync): Host | null {
	const home = sync.me.home;
	return home && home.url !== location.origin && held !== home.provider ? home : null;
}

export function movedTo(host: Host): void {
	held = host.provider;
	try {
		localStorage.setItem(KEY, host.provider);
	} catch {
		// Then it is asked again at the next visit.
	}
}

/** Set a name and a password there, by the key of this device. Raises ApiError, Offline. */
export const moveIn = (sync: Sync, host: Host, handle: string, password: string): Promise<void> => sync.at(host).post('/api/password', { handle, new: password });
