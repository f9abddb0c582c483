/** What people do with spaces: found, describe, invite, leave, archive. Intent → facts. */
import { api, directSpace, type AccountId, type CoreId, type Member, type ProviderInfo, type SpaceId, type SpaceSummary, type Sync } from '$lib/base';
import { linksOf, makeKey, type Ticket } from './invitation';
import { arrived } from './joining';
import { postSettled } from '$lib/accounts/settled';

export type Role = 'owner' | 'admin' | 'member' | 'guest';

/** GET /api/spaces/{id} */
export interface SpaceDetails {
	id: SpaceId;
	sort: string;
	title: string;
	description: string;
	address_form: 'sie' | 'du';
	founded_at: number;
	members: number;
	providers: string[];
}

/** A row of GET /api/spaces/{id}/invitations */
export interface InvitationShape {
	id: CoreId;
	role: Role;
	note: string;
	made_by: AccountId;
	made_at: number;
	expires_at: number | null;
	uses_max: number | null;
	uses: number;
	usable: boolean;
	reason: string | null;
}

/** `left_at`, `left_by`: when somebody who is gone left, and who saw to it; themselves, if they went. */
export type SpaceMember = Member & { status?: string; gone?: boolean; left_at?: number | null; left_by?: AccountId | null };
type DeviceWithNumber = { id: string; ds?: number };

/** A new team or private space; the id is there once the provider knows it. */
export async function foundSpace(sync: Sync, sort: 'team' | 'private', title: string): Promise<SpaceId> {
	const organisation = sync.me.organisation;
	const { provider } = await api.get<ProviderInfo>('/api/provider');
	const body = {
		sort: sort === 'team' && !organisation ? 'private' : sort,
		title,
		parent: organisation,
		account: sync.me.account.id,
		providers: [provider],
		address_form: sync.me.address_form
	};
	const space = (await postSettled(sync, null, 'authority.space_created.1', body)) as unknown as SpaceId;
	await arrived(sync, [space]);
	return space;
}

/** The conversation with these people; begins it if nobody has. */
export async function openDirect(sync: Sync, others: readonly AccountId[]): Promise<SpaceId> {
	const people = [...new Set([sync.me.account.id, ...others])].sort();
	const space = directSpace(people);
	if (sync.space(space)) return space;
	await postSettled(sync, space, 'authority.direct_opened.1', { people }, { derived: true });
	await arrived(sync, [space]);
	return space;
}

export const describeSpace = (sync: Sync, space: SpaceId, title: string, description: string, form: 'sie' | 'du') =>
	postSettled(sync, space, 'spaces.space_described.1', { title, description, address_form: form });

export const archive = (sync: Sync, space: SpaceId, archived: boolean) => postSettled(sync, space, 'authority.space_archived.1', { archived });

export const changeRole = (sync: Sync, space: SpaceId, account: AccountId, role: Role) => postSettled(sync, space, 'authority.role_changed.1', { account, role });

export const withdrawInvitation = (sync: Sync, space: SpaceId, invitation: CoreId) =>
	postSettled(sync, space, 'authority.invitation_withdrawn.1', { invitation }, { re: [invitation] });

/** Takes somebody out. What their devices wrote until now stays: their numbers are the cuts. */
export function removeMember(sync: Sync, space: SpaceId, member: SpaceMember): Promise<CoreId> {
	const cuts = Object.fromEntries((member.devices as DeviceWithNumber[]).map((device) => [device.id, device.ds ?? 0]));
	return postSettled(sync, space, 'authority.member_removed.1', { account: member.account, cuts });
}

/** Leaves the space. This very fact is the last one of this device that counts. */
export async function leave(sync: Sync, space: SpaceId): Promise<void> {
	const members = await api.get<SpaceMember[]>(`/api/spaces/${space}/members`);
	const own = members.find((member) => member.account === sync.me.account.id);
	const cuts = Object.fromEntries(((own?.devices ?? []) as DeviceWithNumber[]).map((device) => [device.id, device.ds ?? 0]));
	const head = await api.get<{ ds: number }>(`/api/spaces/${space}/head`);
	if (sync.me.device) cuts[sync.me.device] = head.ds + 1;
	await postSettled(sync, space, 'authority.member_removed.1', { account: sync.me.account.id, cuts });
}

export interface InvitationWish {
	role: 'admin' | 'member' | 'guest';
	expires_at: number | null;
	uses_max: number | null;
}

async function ticket(sync: Sync, space: SpaceId, wish: InvitationWish): Promise<Ticket> {
	const { seed, key } = await makeKey();
	const invitation = await postSettled(sync, space, 'authority.invitation_made.1', { key, ...wish, note: '' });
	return { space, invitation, seed };
}

/**
 * Links into the space, one for each address that it can be entered by, the own provider's first. Colleagues who are invited into a team of a firm join the firm as well, where the inviter may
 * invite there; guests see this space and nothing else.
 */
export async function invite(sync: Sync, space: SpaceSummary, wish: InvitationWish): Promise<string[]> {
	const tickets = [await ticket(sync, space.id, wish)];
	const organisation = space.sort === 'team' && wish.role !== 'guest' ? sync.space(sync.me.organisation ?? ('' as SpaceId)) : undefined;
	if (organisation?.abilities.includes('invite')) tickets.push(await ticket(sync, organisation.id, { ...wish, role: 'member' }));
	return linksOf([location.origin, ...(await elsewhere(sync, space.id))], tickets);
}

const OTHER_ADDRESSES_MAX = 2;

/** Where the space can be entered while the page's own provider is away. */
async function elsewhere(sync: Sync, space: SpaceId): Promise<string[]> {
	const { providers } = await api.get<SpaceDetails>(`/api/spaces/${space}`);
	const others = (sync.me.hosts ?? []).filter((host) => host.url !== location.origin && providers.includes(host.provider));
	return others.slice(0, OTHER_ADDRESSES_MAX).map((host) => host.url);
}
