/** People of the unit tests, each with a browser of their own. */
import { IDBFactory } from 'fake-indexeddb';
import 'fake-indexeddb/auto';
import { randomBytes, b64 } from '../b64';
import { Device } from '../device';
import { Store } from '../store';
import type { AccountId, Me, SpaceId, SpaceSummary } from '../types';
import type { Provider } from './provider';

export const WORKSHOP = 'W'.repeat(42) + 'A' as SpaceId;
export const PERSONAL = 'S'.repeat(42) + 'A' as SpaceId;

/** A browser without any history. */
export function freshBrowser(): void {
	globalThis.indexedDB = new IDBFactory();
}

export function accountOf(name: string): AccountId {
	return b64(new TextEncoder().encode(name.padEnd(32, '.'))) as AccountId;
}

export function randomSpace(): SpaceId {
	return b64(randomBytes(32)) as SpaceId;
}

export async function browserOf(name: string, provider: Provider, database = name): Promise<{ store: Store; device: Device; me: Me }> {
	const store = await Store.open(database);
	const device = (await Device.load(store)) ?? (await Device.create(store));
	if (!provider.members.some((member) => member.account === accountOf(name))) provider.admit(accountOf(name), device);
	return { store, device, me: meOf(name, device, provider) };
}

export function meOf(name: string, device: Device, provider: Provider): Me {
	const summary = (id: SpaceId, sort: SpaceSummary['sort']): SpaceSummary => {
		const head = provider.space(id).heads.get(device.id);
		return {
			id, sort, title: 'Werkstatt', parent: null, role: 'member', abilities: [], archived: false, channels: [],
			vector: provider.vector(id), heads: [], ds: head?.ds ?? 0, dp: head?.dp ?? null
		};
	};
	return {
		account: { id: accountOf(name), name, picture: null }, device: device.id, organisation: null, address_form: 'sie',
		personal: PERSONAL, spaces: [summary(WORKSHOP, 'team'), summary(PERSONAL, 'personal')]
	};
}
