/** Coming into a space: by invitation, or as a colleague into a team. */
import { api, Offline, type AccountId, type CoreId, type SpaceId, type Sync } from '$lib/base';
import type { Entrance } from '$lib/accounts/opening';
import { sign, type Ticket } from './invitation';
import { postSettled } from '$lib/accounts/settled';

/** GET /api/invitations/{id} */
export interface InvitationPreview {
	invitation: CoreId;
	usable: boolean;
	reason: string | null;
	space: SpaceId | null;
	title: string;
	sort: string;
	organisation_title: string;
	address_form: 'sie' | 'du';
	by: string;
	role: string;
	expires_at: number | null;
	joined: boolean;
	heads: CoreId[];
}

/** GET /api/spaces/open */
export interface OpenSpace {
	id: SpaceId;
	title: string;
	description: string;
	parent: SpaceId;
	members: number;
	heads: CoreId[];
	parent_heads: CoreId[];
}

export const previews = (tickets: readonly Ticket[]) => Promise.all(tickets.map(({ invitation }) => api.get<InvitationPreview>(`/api/invitations/${invitation}`)));

const ANSWER_MS = 4_000;

/** The first of these addresses that answers; null where none does. */
export async function firstAnswering(origins: readonly string[]): Promise<string | null> {
	const asked = origins.map(async (origin) => {
		const signal = AbortSignal.timeout(ANSWER_MS);
		const answer = await fetch(`${origin}/api/provider`, { signal, credentials: 'omit', redirect: 'error' });
		if (!answer.ok) throw new Offline(`status ${answer.status}`);
		return origin;
	});
	return Promise.any(asked).catch(() => null);
}

/** The doors that can be used, as opening an account needs them. */
export function entrancesOf(tickets: readonly Ticket[], shown: readonly InvitationPreview[]): Entrance[] {
	return tickets
		.map((ticket, at) => ({ ticket, preview: shown[at]! }))
		.filter(({ preview }) => preview.usable)
		.map(({ ticket, preview }) => ({
			space: ticket.space,
			invitation: ticket.invitation,
			heads: preview.heads,
			sign: (account: AccountId) => sign(ticket, account)
		}));
}

/** Somebody who has an account joins by a link. */
export async function joinAll(sync: Sync, tickets: readonly Ticket[], shown: readonly InvitationPreview[]): Promise<void> {
	const account = sync.me.account.id;
	const waiting = entrancesOf(tickets, shown).filter((entrance) => !sync.space(entrance.space));
	for (const entrance of waiting) {
		const body = { account, invitation: entrance.invitation, proof: await entrance.sign(account), parent_heads: [] };
		await postSettled(sync, entrance.space, 'authority.member_joined.1', body, { ah: entrance.heads, re: [entrance.invitation] });
	}
	await arrived(sync, waiting.map((entrance) => entrance.space));
}

/** A colleague joins a team of the organisation. */
export async function joinTeam(sync: Sync, team: OpenSpace): Promise<void> {
	const body = { account: sync.me.account.id, invitation: null, proof: null, parent_heads: team.parent_heads };
	await postSettled(sync, team.id, 'authority.member_joined.1', body, { ah: team.heads, re: team.parent_heads });
	await arrived(sync, [team.id]);
}

const ARRIVAL_POLLS_MAX = 40;
const ARRIVAL_POLL_MS = 150;

/** Until the provider counts oneself among the members of all of them, or it has taken too long to wait for. */
export async function arrived(sync: Sync, spaces: readonly SpaceId[]): Promise<void> {
	for (let poll = 0; poll < ARRIVAL_POLLS_MAX; poll++) {
		await sync.reload();
		if (spaces.every((space) => sync.space(space))) return;
		await new Promise((resolve) => setTimeout(resolve, ARRIVAL_POLL_MS));
	}
}
