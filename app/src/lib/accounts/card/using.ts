/** Coming in with a code of the emergency card, on a device that nobody knows yet. */
import { api, ApiError, Device, enter, openStore, Scribe, type AccountId, type CoreId, type SpaceId } from '$lib/base';
import { thisBrowser } from '../browser';
import type { CodeShape } from './cards';
import { keyOf, type CodeKey } from './codes';

export interface CardPlace {
	provider: string;
	name: string;
	url: string;
	here: boolean;
}
/** A row of GET /api/cards/{number} */
export interface CardPreview {
	account: AccountId;
	revoked: boolean;
	second_factor: boolean;
	heads: CoreId[];
	codes: CodeShape[];
	places: CardPlace[];
}
/** A code that fits a card: what is to be said of it, or the way in. */
export interface Fit {
	card: CardPreview;
	code: CodeShape;
	key: CodeKey;
}

export const lookUp = (number: string) => api.get<CardPreview[]>(`/api/cards/${number}`);

/** The card and the place on it of a code; null where it is of none of these. */
export async function fitting(shown: readonly CardPreview[], number: string, code: string): Promise<Fit | null> {
	const key = await keyOf(code, number);
	for (const card of shown) {
		const found = card.codes.find(({ dev }) => dev === key.id);
		if (found) return { card, code: found, key };
	}
	return null;
}

/** The code's key says that this browser's device belongs to the account; the device signs in. Raises ApiError, Offline. */
export async function comeIn({ card, key }: Fit, factor: string | null): Promise<void> {
	const store = await openStore();
	let device = (await Device.load(store)) ?? (await Device.create(store));
	const vouch = async (): Promise<void> => {
		const body = { dev: device.id, alg: device.alg, key: device.key, label: thisBrowser(), voucher: 'recovery' };
		const space = card.account as unknown as SpaceId;
		const { parcel } = await new Scribe(key).write(space, 'account.device_added.1', body, { ah: card.heads });
		await api.post('/api/sessions/card', { parcel, ...(factor ? { code: factor } : {}) });
	};
	try {
		await vouch();
	} catch (error) {
		// The key that lay here is somebody else's; the code was not used up.
		if (!(error instanceof ApiError) || error.code !== 'accounts.device_taken') throw error;
		device = await Device.create(store);
		await vouch();
	}
	await enter(device);
}
