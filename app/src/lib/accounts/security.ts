/** How one signs in and on which devices: what the account's page asks of the provider. */
import { api, ApiError, Offline, type DeviceId, type ProviderId, type SpaceId, type Sync } from '$lib/base';
import { voice } from '$lib/ui';
import { postSettled } from './settled';
import { makePasskey } from './passkeys';
import type { StandingPasskey } from './standing';

export interface DeviceShape {
	dev: DeviceId;
	label: string;
	sort: string;
	voucher: string;
	added_at: number;
	current: boolean;
	signed_in: boolean;
	seen_at: number | null;
	agent: string;
	revoked_at: number | null;
	cuts: Record<SpaceId, number>;
	/** It gave one number to two facts: put back to an old copy, or copied. */
	twofold: boolean;
}
export interface PasskeyShape {
	id: string;
	label: string;
	created_at: number;
	used_at: number | null;
}
/** GET /api/security */
export interface Security {
	handle: string;
	password: boolean;
	second_factor: boolean;
	recovery_codes_left: number;
	passkeys: PasskeyShape[];
	/** The only provider whose word brings new devices in; null: any. */
	home: ProviderId | null;
	standing: StandingPasskey[];
}
export interface FactorSetup {
	secret: string;
	uri: string;
	qr_svg: string;
}

export const security = () => api.get<Security>('/api/security');
export const devices = () => api.get<DeviceShape[]>('/api/devices');
export const changePassword = (old: string | null, next: string) => api.post('/api/password', old === null ? { new: next } : { new: next, old });
export const addPasskey = async () => api.post('/api/passkeys', await makePasskey());
export const removePasskey = (id: string) => api.delete(`/api/passkeys/${encodeURIComponent(id)}`);
export const beginFactor = () => api.post<FactorSetup>('/api/second-factor');
export const confirmFactor = (code: string) => api.post<{ codes: string[] }>('/api/second-factor/confirm', { code });
export const newRecoveryCodes = (code: string) => api.post<{ codes: string[] }>('/api/second-factor/recovery-codes', { code });
export const endFactor = (code: string) => remove('/api/second-factor', { code });

/** How often a device may write once more while it is being signed out. */
const TRIES_MAX = 3;

/** Revokes a device: a fact that everybody can check, then the end of its sessions here. */
export async function signOutDevice(sync: Sync, device: DeviceShape): Promise<void> {
	for (let tries = 1; ; tries += 1) {
		try {
			await revoke(sync, (await devices()).find((one) => one.dev === device.dev) ?? device);
			break;
		} catch (thrown) {
			// It wrote something since the list was made: what it wrote until now stays.
			if (!(thrown instanceof ApiError) || thrown.code !== 'accounts.cut_missing' || tries >= TRIES_MAX) throw thrown;
		}
	}
	await remove(`/api/devices/${device.dev}`, { parcels: [] });
}

async function revoke(sync: Sync, device: DeviceShape): Promise<void> {
	const space = sync.me.account.id as unknown as SpaceId;
	await postSettled(sync, space, 'account.device_revoked.1', { dev: device.dev, cuts: { [space]: 0, ...device.cuts } });
}

/** DELETE that says something: a code, the facts that go with it. */
async function remove(path: string, body: unknown): Promise<void> {
	const headers = { 'content-type': 'application/json', accept: 'application/json', 'accept-language': voice.language };
	const response = await fetch(path, { method: 'DELETE', headers, body: JSON.stringify(body), credentials: 'same-origin' }).catch((error: unknown) => {
		throw new Offline(String(error));
	});
	if (response.ok) return;
	const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
	if (!problem.code) throw new Offline(`status ${response.status}`);
	throw new ApiError(problem.code, response.status, problem.detail ?? problem.code);
}
