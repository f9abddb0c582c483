/** Which of the told providers are others than the page's own, and what the service worker has to know of it. */
import type { Host } from './types';

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

/** The provider that stands in now. */
export function tellWorker(host: Host | null): void {
	const note: WorkerNote = { sort: 'host', url: host?.url ?? null };
	globalThis.navigator?.serviceWorker?.controller?.postMessage(note);
}

function isOrigin(url: string): boolean {
	try {
		return new URL(url).origin === url;
	} catch {
		return false;
	}
}
