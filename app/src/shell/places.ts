/** Addresses and names of the rooms. */
import type { AccountId, ChannelSummary, CoreId, Me, SpaceId, SpaceSummary, Sync } from '$lib/base';
import * as m from '$messages';

export const home = '/';
export const meetings = '/besprechungen';
export const films = '/mediathek';
export const people = '/personen';
export const account = '/konto';
export const device = '/konto/geraet';
export const keys = '/konto#anmeldung';
export const card = '/konto/notfallkarte';
export const moving = '/konto/umzug';
export const talks = '/gespraeche';
export const more = '/mehr';
export const conversation = (space: SpaceId, channel: CoreId | null = null) => (channel ? `/raum/${space}/${channel}` : `/raum/${space}`);
export const settings = (space: SpaceId) => `/raum/${space}/einstellungen`;
export const data = (space: SpaceId) => `/raum/${space}/daten`;
export const message = (space: SpaceId, channel: CoreId | null, id: string) => `${conversation(space, channel)}#${id}`;

/** The people of a conversation without oneself; alone with oneself it is oneself. */
export function others(space: SpaceSummary, me: AccountId): AccountId[] {
	const people = (space.people ?? []).filter((account) => account !== me);
	return people.length ? people : [me];
}

/** The name of a space; a direct conversation is named by its people. */
export function title(sync: Sync, space: SpaceSummary): string {
	if (space.sort !== 'direct') return space.title;
	const names = others(space, sync.me.account.id).map((account) => personName(sync, account));
	return names.length === 1 ? names[0]! : names.map((name) => name.split(' ')[0]).join(', ');
}

export function personName(sync: Sync, account: AccountId): string {
	const known = (sync.me as Me & { names?: Record<string, string> }).names?.[account];
	return sync.name(account) ?? known ?? m.app_somebody();
}

export const channelTitle = (channel: ChannelSummary) => (channel.id === null ? m.app_main_channel() : channel.title);

const collate = (first: SpaceSummary, second: SpaceSummary) => first.title.localeCompare(second.title, 'de');
const lastAt = (space: SpaceSummary) => Math.max(0, ...space.channels.map((channel) => channel.last_at ?? 0));

/** The spaces of the sidebar in their order: the firm's own, teams and private ones by name, conversations by their last message. */
export function sections(me: Me): { organisation: SpaceSummary | undefined; rooms: SpaceSummary[]; talks: SpaceSummary[] } {
	const living = me.spaces.filter((space) => !space.archived);
	return {
		organisation: living.find((space) => space.id === me.organisation),
		rooms: living.filter((space) => space.sort === 'team' || space.sort === 'private' || space.sort === 'public').sort(collate),
		talks: living.filter((space) => space.sort === 'direct').sort((first, second) => lastAt(second) - lastAt(first))
	};
}

export const unread = (space: SpaceSummary) => space.channels.reduce((sum, channel) => sum + channel.unread, 0);
export const mentions = (space: SpaceSummary) => space.channels.reduce((sum, channel) => sum + channel.mentions, 0);
