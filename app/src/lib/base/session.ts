/** The one Sync of this tab: made by the shell, taken by everybody. */
import { api } from './api';
import { Device } from './device';
import { SignedOut } from './errors';
import { Store } from './store';
import { Sync } from './sync';

let opening: Promise<Store> | null = null;
let starting: Promise<Sync> | null = null;
let current: Sync | null = null;

/** The browser's store, one connection per tab. Raises Refusal `base.storage_unavailable`. */
export function openStore(): Promise<Store> {
	opening ??= Store.open().catch((error: unknown) => {
		opening = null;
		throw error;
	});
	return opening;
}

/**
 * Show what is stored, then connect. Raises SignedOut when nobody is signed in here, Offline when there is nothing to
 * show without the provider.
 */
export function startSync(): Promise<Sync> {
	starting ??= start().catch((error: unknown) => {
		starting = null;
		throw error;
	});
	return starting;
}

/** Raises Error before `startSync` has come to its end. */
export function useSync(): Sync {
	if (current === null) throw new Error('startSync comes first');
	return current;
}

async function start(): Promise<Sync> {
	const store = await openStore();
	const device = await Device.load(store);
	if (device === null) throw new SignedOut();
	const sync = new Sync(store, device, api);
	await sync.start();
	current = sync;
	return sync;
}
