/** The page's own provider after it came back: in another life it knows no session of before, but the device's key. */
import { makeApi, type Api } from '../api';
import type { Signer } from '../core';
import { enter } from '../entering';
import type { Store } from '../store';
import type { ProviderInfo } from '../types';

const HOME = 'home';
const ASKED_MS = 5_000;

type Life = Pick<ProviderInfo, 'provider' | 'incarnation'>;

/** Remember in which life the own provider had a session of this browser. */
export const keepLife = (store: Store, { provider, incarnation }: Life): Promise<void> => store.setMeta(HOME, { provider, incarnation }).catch(() => undefined);

/**
 * A session there, if it is not the provider that it was: restored from a backup, or set up anew. One that goes on as
 * before has ended a session for a reason. Raises ApiError while it does not know the device yet, Offline.
 */
export async function comeHome(store: Store, device: Signer, own: Api = makeApi()): Promise<void> {
	const life = await own.get<Life>('/api/provider', { timeoutMs: ASKED_MS });
	const known = await store.meta<Life>(HOME);
	if (known?.provider === life.provider && known.incarnation === life.incarnation) return;
	await enter(device, own);
	await keepLife(store, life);
}
