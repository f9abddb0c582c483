/** What the provider is asked about this person: who they are, where their device goes on. */
import type { Api } from '../api';
import { ApiError, SignedOut } from '../errors';
import type { Head } from '../outbox';
import type { DeviceId, Me, SpaceId } from '../types';

const ME_TIMEOUT_MS = 10_000;
const HEAD_TIMEOUT_MS = 5_000;

/** Raises SignedOut when there is no session, or one of another device; Offline, ApiError. */
export async function askMe(api: Api, device: DeviceId): Promise<Me> {
	let me: Me;
	try {
		me = await api.get<Me>('/api/me', { timeoutMs: ME_TIMEOUT_MS });
	} catch (error) {
		if (error instanceof ApiError && error.status === 401) throw new SignedOut();
		throw error;
	}
	if (me.device !== device) throw new SignedOut();
	return me;
}

/** In a space that one is about to join, this device has written nothing yet. */
export async function askHead(api: Api, space: SpaceId): Promise<Head> {
	try {
		return await api.get<Head>(`/api/spaces/${space}/head`, { timeoutMs: HEAD_TIMEOUT_MS });
	} catch (error) {
		if (error instanceof ApiError && error.status === 404) return { ds: 0, dp: null, heads: [] };
		throw error;
	}
}

/** Ends the session at the provider. Raises Offline; that it was over already is no matter. */
export async function endSession(api: Api): Promise<void> {
	try {
		await api.delete('/api/sessions/current');
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
	}
}
