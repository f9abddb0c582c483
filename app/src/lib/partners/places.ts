/** Where an organisation lives: what the provider says of it, and choosing another place. */
import { api, type JsonObject, type SpaceId, type Sync } from '$lib/base';
import { postSettled } from '$lib/accounts/settled';
import { formats, voice } from '$lib/ui';
import * as m from '$messages';

export type Verdict = 'same' | 'apart' | 'unknown';
export type Shared = 'domain' | 'network' | 'authority' | 'release';

/** A provider that holds the organisation, or may be chosen to. */
export interface Place {
	provider: string;
	name: string;
	place: string;
	contact: string;
	url: string;
	alg: string;
	key: string;
	state: 'own' | 'agreed' | 'ended' | 'named';
	holds: boolean;
	home: boolean;
	agreed_at: number | null;
	text: string | null;
	version: string | null;
	fate: Partial<Record<Shared, Verdict>>;
	linked: boolean | null;
	lag_ms: number | null;
	equal_at: number | null;
	/** How often it was found to tell two histories. */
	proofs: number;
}

/** GET /api/partners */
export interface Places {
	places: Place[];
	spaces: number;
	people: number;
	may_choose: boolean;
	/** Whether a machine of the organisation's own may be connected. */
	may_connect: boolean;
}

export const SHARED: readonly Shared[] = ['domain', 'network', 'authority', 'release'];
/** What is behind by less is simply on its way. */
const LAG_MS_MIN = 5_000;
const MINUTE_MS = 60_000;
/** As many in a ring as one can tell apart; the colours begin again after them. */
const COLOURS = ['var(--ring-1)', 'var(--ring-2)', 'var(--ring-3)', 'var(--ring-4)'];

export const colourOf = (at: number) => COLOURS[at % COLOURS.length]!;
export const loadPlaces = (space: SpaceId) => api.get<Places>('/api/partners', { query: { space } });

/** GET /api/spaces/{space}/export: `done` of about `whole` bytes. */
export interface ExportState {
	state: 'none' | 'running' | 'done' | 'broken';
	done: number;
	whole: number;
}

export const loadExport = (space: SpaceId) => api.get<ExportState>(`/api/spaces/${space}/export`);

/** Where the file can be fetched, once. */
export const beginExport = async (space: SpaceId): Promise<string> => (await api.post<{ path: string }>(`/api/spaces/${space}/export`)).path;

export const agreementUrl = (text: string) => `/api/partners/texts/${text}`;

export const chooseProvider = (sync: Sync, space: SpaceId, { provider, alg, key, name, url }: Place) =>
	postSettled(sync, space, 'authority.provider_added.1', { provider, alg, key, name, url } satisfies JsonObject);

/** It takes place in a day, or when another owner agrees. */
export const removeProvider = (sync: Sync, space: SpaceId, place: Place) =>
	postSettled(sync, space, 'authority.motion_made.1', { deed: 'provider_removed', provider: place.provider });

/** From now on this is where the organisation's people sign in first; it holds a copy from now on if it did not yet. */
export async function makeHome(sync: Sync, space: SpaceId, place: Place): Promise<void> {
	if (!place.holds) await chooseProvider(sync, space, place);
	await postSettled(sync, space, 'authority.home_chosen.1', { provider: place.provider });
}

/** Where nobody has chosen a home, it is the provider whose page this is, whoever stands in for it. */
const isTacitHome = (place: Place, all: Places) => place.holds && place.url === location.origin && !all.places.some((one) => one.home);

/** Whether it can be chosen as home: a partner by agreement, a holder, or this provider where another is the home. */
export const mayBeHome = (place: Place, all: Places) =>
	all.may_choose && !place.home && !isTacitHome(place, all) && (place.state === 'own' || place.state === 'agreed' || (place.state === 'named' && place.holds));

/** Werkhof (Kassel) */
export const named = (place: Place) => (place.place ? m.partners_named({ name: place.name, place: place.place }) : place.name);

/** Werkhof (Kassel) und Südnetz (Freiburg) */
export function listed(places: readonly Place[], name: (place: Place) => string = named): string {
	return new Intl.ListFormat(voice.language === 'en' ? 'en-GB' : 'de-DE').format(places.map(name));
}

export const isAway = (place: Place) => place.state !== 'own' && (place.linked === false || place.state === 'ended');
export const isBehind = (place: Place) => !isAway(place) && (place.lag_ms ?? 0) >= LAG_MS_MIN;

/** How a holder stands, in a few words; empty where nobody knows. */
export function standing(place: Place): string {
	if (place.state === 'own' || place.state === 'ended' || !place.holds || place.linked === null) return '';
	if (!place.linked) return place.equal_at ? m.partners_away_since({ date: formats.dateAndClock(place.equal_at) }) : m.partners_away();
	if (!isBehind(place)) return m.partners_equal();
	const lag = place.lag_ms ?? 0;
	const ago = lag < MINUTE_MS ? m.partners_seconds({ count: Math.round(lag / 1000) }) : m.partners_minutes({ count: Math.round(lag / MINUTE_MS) });
	return m.partners_behind({ ago });
}

/** What it would mean if this one failed now. */
export function outage(place: Place, holders: readonly Place[], all: Places): string {
	const others = holders.filter((one) => one !== place && one.state !== 'ended');
	if (!others.length) return m.partners_outage_alone({ spaces: m.partners_spaces_count({ count: all.spaces }), people: m.partners_people_count({ count: all.people }), form: voice.form });
	const there = others.filter((one) => !isAway(one));
	if (!there.length) return m.partners_outage_nowhere({ others: listed(others, (one) => one.name) });
	const names = listed(there, (one) => one.name);
	return there.some((one) => !isBehind(one)) ? m.partners_outage_goes_on({ others: names }) : m.partners_outage_behind({ others: names });
}
