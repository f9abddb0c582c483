/** Which of the told providers are others than the page's own, and what the service worker has to know of it. */
import type { Host, Me } from './types';

export const HOSTS_MAX = 7;

export interface WorkerNote {
	sort: 'host';
	url: string | null;
}

/** Origins only, each once, the page's own not among them. */
export function otherHosts(hosts: readonly Host[] | undefined, own = globalThis.location?.origin): Host[] {
	const found = new Map<string, Host>();
	for (const host of hosts ?? []) if (host.url !== own && isOrigin(host.url)) found.set(host.url, host);
	return [...found.values()].slice(0, HOSTS_MAX);
}

/**
 * What another provider does not hold stays as it was, unless it says that one does not belong there any more.
 */
export function standsIn(me: Me, held: Me | undefined): void {
	if (held === undefined) return;
	const known = new Set([...me.spaces.map((space) => space.id), ...(me.left ?? [])]);
	me.spaces.push(...held.spaces.filter((space) => !known.has(space.id)));
	me.organisation ??= held.organisation;
	me.account.handle ??= held.account.handle;
}

/** The provider that stands in now. */
export function tellWorker(host: Host | null): void {
	const note: WorkerNote = { sort: 'host', url: host?.url ?? null };
	globalThis.navigator?.serviceWorker?.controller?.postMessage(note);
}

export function isOrigin(url: string): boolean {
	try {
		return new URL(url).origin === url;
	} catch {
		return false;
	}
}
