/** Signing in: the browser's own key is registered with the session. */
import { api, ApiError, Device, openStore } from '$lib/base';
import { thisBrowser } from './browser';
import { usePasskey } from './passkeys';

/** The provider wants the second factor's code as well. */
export const CODE_WANTED = 'accounts.code_needed';
const DEVICE_TAKEN = 'accounts.device_taken';

/**
 * A device that is still here goes on, with what waits in its outbox. Where it belongs to somebody else, or was signed
 * out from elsewhere, a new one begins.
 */
async function withDevice(send: (device: { alg: string; key: string; label: string }) => Promise<unknown>): Promise<void> {
	const store = await openStore();
	const held = (await Device.load(store)) ?? (await Device.create(store));
	const shape = (device: Device) => ({ alg: device.alg, key: device.key, label: thisBrowser() });
	try {
		await send(shape(held));
	} catch (error) {
		if (!(error instanceof ApiError) || error.code !== DEVICE_TAKEN) throw error;
		await send(shape(await Device.create(store)));
	}
}

export const signIn = (handle: string, password: string, code: string | null) =>
	withDevice((device) => api.post('/api/sessions', { handle, password, device, ...(code ? { code } : {}) }));

export const signInByPasskey = () => withDevice(async (device) => api.post('/api/sessions/passkey', { passkey: await usePasskey(device), device }));
