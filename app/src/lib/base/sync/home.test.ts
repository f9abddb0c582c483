import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Api } from '../api';
import { Device } from '../device';
import { ApiError } from '../errors';
import { Store } from '../store';
import { comeHome, keepLife } from './home';

const ORIGIN = 'https://werkhof.example';
let store: Store;
let device: Device;

beforeEach(async () => {
	vi.stubGlobal('location', { origin: ORIGIN });
	store = await Store.open(`home-${Math.random()}`);
	device = await Device.create(store);
	await keepLife(store, { provider: 'W' as never, incarnation: 1 });
});
afterEach(() => vi.unstubAllGlobals());

/** The own provider in a life, and what it is asked. */
function own(incarnation: number, knows = true, provider = 'W'): { api: Api; asked: string[] } {
	const asked: string[] = [];
	const api = {
		get: async () => ({ provider, incarnation }),
		post: async (path: string) => {
			asked.push(path);
			if (path.endsWith('/challenge')) return { nonce: 'n', audience: ORIGIN, expires_at: 1 };
			if (!knows) throw new ApiError('accounts.device_unknown', 401, '');
			return {};
		}
	} as unknown as Api;
	return { api, asked };
}

describe('coming home', () => {
	it('where it goes on as before, a session that ended stays ended', async () => {
		const werkhof = own(1);
		await comeHome(store, device, werkhof.api);
		expect(werkhof.asked).toEqual([]);
	});

	it.each([[2, 'W'], [1, 'X']])('in another life (%s of %s) the key of the device opens a session, once', async (incarnation, provider) => {
		const werkhof = own(incarnation, true, provider);
		await comeHome(store, device, werkhof.api);
		await comeHome(store, device, werkhof.api);
		expect(werkhof.asked).toEqual(['/api/sessions/challenge', '/api/sessions/device']);
	});

	it('while it does not know the device yet, it is asked again later', async () => {
		await expect(comeHome(store, device, own(2, false).api)).rejects.toThrow();
		const later = own(2);
		await comeHome(store, device, later.api);
		expect(later.asked).toHaveLength(2);
	});
});
