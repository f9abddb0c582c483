/** What cannot be taken back: wanted by an owner, stopped or agreed to by another; and erasures with who confirmed them. */
import { api, type AccountId, type CoreId, type JsonObject, type SpaceId, type Sync } from '$lib/base';
import { postSettled } from '$lib/accounts/settled';

/** A row of GET /api/spaces/{id}/motions */
export interface Motion {
	id: CoreId;
	deed: 'provider_removed' | 'person_erased' | 'owner_removed' | 'owner_demoted';
	target: string;
	reason: string;
	by: AccountId;
	at: number;
	ripe_at: number;
	abilities: ('stop' | 'second')[];
}

export interface Confirmation {
	provider: string;
	name: string;
	at: number | null;
	bodies: number;
	files: number;
}

/** A row of GET /api/spaces/{id}/erasures */
export interface Erasure {
	id: CoreId;
	account: AccountId;
	until: number;
	reason: string;
	by: AccountId | null;
	at: number;
	providers: Confirmation[];
}

export const loadMotions = (space: SpaceId) => api.get<Motion[]>(`/api/spaces/${space}/motions`);
export const loadErasures = (space: SpaceId) => api.get<Erasure[]>(`/api/spaces/${space}/erasures`);

export const move = (sync: Sync, space: SpaceId, deed: Motion['deed'], target: { provider: string } | { account: AccountId }, reason = '') =>
	postSettled(sync, space, 'authority.motion_made.1', { deed, reason, ...target } satisfies JsonObject);

export const stop = (sync: Sync, space: SpaceId, motion: CoreId) => postSettled(sync, space, 'authority.motion_stopped.1', { motion }, { re: [motion] });

export const second = (sync: Sync, space: SpaceId, motion: CoreId) => postSettled(sync, space, 'authority.motion_seconded.1', { motion }, { re: [motion] });

/** All that the viewer wrote in the space until now goes, at every provider. */
export const eraseOwn = (sync: Sync, space: SpaceId) =>
	postSettled(sync, space, 'authority.erasure_ordered.1', { account: sync.me.account.id, until: sync.stamp(), reason: '' });
