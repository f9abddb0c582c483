/** Emergency cards: made, revoked, and what became of their codes. */
import { api, type CoreId, type DeviceId, type Host, type JsonObject, type ProviderId, type SpaceId, type Sync } from '$lib/base';
import { postSettled } from '../settled';
import { keyOf, newCode, newNumber } from './codes';

export interface CodeShape {
	dev: DeviceId;
	place: number;
	provider: ProviderId;
	used_at: number | null;
}
/** A row of GET /api/cards */
export interface CardShape {
	card: CoreId;
	number: string;
	made_at: number;
	revoked_at: number | null;
	codes: CodeShape[];
}
/** A card as it is shown and printed this once. */
export interface Printed {
	number: string;
	madeAt: number;
	places: { host: Host; codes: { place: number; code: string }[] }[];
}

export const CODES_PER_PROVIDER = 4;
export const PROVIDERS_MAX = 3;

export const cards = () => api.get<CardShape[]>('/api/cards');

/** The card that is good; null where there is none. */
export const current = (list: readonly CardShape[]) => list.find((card) => card.revoked_at === null) ?? null;
export const left = (card: CardShape) => card.codes.filter((code) => code.used_at === null).length;

/** A new card, with codes of their own for each provider. Earlier ones are revoked once it counts. */
export async function makeCard(sync: Sync, earlier: readonly CardShape[]): Promise<Printed> {
	const number = newNumber();
	const hosts = (sync.me.hosts ?? []).slice(0, PROVIDERS_MAX);
	const places: Printed['places'] = [];
	const codes: JsonObject[] = [];
	for (const host of hosts) {
		const own: { place: number; code: string }[] = [];
		for (let at = 0; at < CODES_PER_PROVIDER; at++) {
			const code = newCode();
			const { id, alg, key } = await keyOf(code, number);
			codes.push({ dev: id, alg, key, provider: host.provider });
			own.push({ place: codes.length, code });
		}
		places.push({ host, codes: own });
	}
	await postSettled(sync, spaceOf(sync), 'account.card_made.1', { number, codes });
	for (const card of earlier) if (card.revoked_at === null) await revokeCard(sync, card);
	return { number, madeAt: sync.now(), places };
}

/** What came in by it stays; its other codes are good nowhere any more. */
export function revokeCard(sync: Sync, card: CardShape): Promise<CoreId> {
	const cuts = Object.fromEntries(card.codes.map((code) => [code.dev, code.used_at === null ? 0 : 1]));
	return postSettled(sync, spaceOf(sync), 'account.card_revoked.1', { card: card.card, cuts }, { re: [card.card] });
}

/** What the picture on the card says: where to go and which card. Never a code. */
export const addressOf = (number: string, host: Host, others: readonly Host[]) =>
	`${host.url}/notfall#${[number, ...others.filter((other) => other.url !== host.url).map((other) => other.url)].join('~')}`;

const spaceOf = (sync: Sync) => sync.me.account.id as unknown as SpaceId;
