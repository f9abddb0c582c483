/** What the field for everything finds: rooms and people at once from what is here, messages a moment later by the provider. */
import { api, type AccountId, type CoreId, type SpaceId, type Sync } from '$lib/base';
import { useLibrary } from '$lib/media';
import { formats, theme, voice, type IconName } from '$lib/ui';
import * as m from '$messages';
import { frame } from './frame.svelte';
import * as places from './places';

export interface Found {
	key: string;
	title: string;
	note?: string;
	aside?: string;
	icon: IconName;
	person?: AccountId;
	href?: string;
	run?: () => void;
}
interface Group {
	title: string;
	found: Found[];
}
/** A row of GET /api/search */
interface MessageHit {
	id: CoreId;
	space: SpaceId;
	channel: CoreId | null;
	author: AccountId;
	at: number;
	text: string;
}

const REST_MS = 180;
const GROUP_MAX = 7;
const MESSAGES_MAX = 12;
const QUERY_CHARS_MIN = 2;
const EXCERPT_CHARS = 90;

/** Lower case without accents, ß as ss: what a hurried hand types finds it. */
const plain = (text: string) => text.toLocaleLowerCase('de').replace(/ß/g, 'ss').normalize('NFD').replace(/\p{M}/gu, '');
/** Every word begins some word of the text. */
function matches(text: string, query: string): boolean {
	const words = plain(text).split(/[^\p{L}\p{N}]+/u);
	return plain(query).split(/\s+/).filter(Boolean).every((part) => words.some((word) => word.startsWith(part)));
}

export class Finder {
	#text = $state('');
	searching = $state(false);
	#messages = $state.raw<Found[]>([]);
	#timer: ReturnType<typeof setTimeout> | undefined;
	#asked: AbortController | undefined;

	constructor(private readonly sync: Sync) {
		if (frame.hasFilms) void useLibrary().load();
	}

	get text(): string {
		return this.#text;
	}
	set text(text: string) {
		this.#text = text;
		this.#messages = [];
		clearTimeout(this.#timer);
		this.#asked?.abort();
		this.searching = text.trim().length >= QUERY_CHARS_MIN;
		if (this.searching) this.#timer = setTimeout(() => void this.ask(text.trim()), REST_MS);
	}

	stop(): void {
		clearTimeout(this.#timer);
		this.#asked?.abort();
	}

	readonly groups: Group[] = $derived.by(() => {
		const fits = (found: Found) => !this.#text.trim() || matches(`${found.title} ${found.note ?? ''}`, this.#text);
		const groups = [
			{ title: m.app_group_rooms(), found: this.rooms().filter(fits).slice(0, GROUP_MAX) },
			{ title: m.app_group_people(), found: this.#text.trim() ? this.people().filter(fits).slice(0, GROUP_MAX) : [] },
			{ title: m.app_films(), found: this.#text.trim() ? this.films().filter(fits).slice(0, GROUP_MAX) : [] },
			{ title: m.app_group_commands(), found: this.commands().filter(fits).slice(0, GROUP_MAX) },
			{ title: m.app_group_messages(), found: this.#messages }
		];
		return groups.filter((group) => group.found.length);
	});

	private rooms(): Found[] {
		const living = this.sync.me.spaces.filter((space) => !space.archived && space.sort !== 'personal' && space.sort !== 'account');
		const channels = living.flatMap((space) =>
			space.channels.map((channel): Found & { last: number } => {
				const direct = space.sort === 'direct';
				const [other] = places.others(space, this.sync.me.account.id);
				return {
					key: space.id + channel.id,
					title: direct ? places.title(this.sync, space) : places.channelTitle(channel),
					note: direct ? undefined : places.title(this.sync, space),
					icon: space.sort === 'private' ? 'lock' : 'message-square-text',
					person: direct ? other : undefined,
					href: places.conversation(space.id, channel.id),
					last: channel.last_at ?? 0
				};
			})
		);
		return channels.sort((first, second) => second.last - first.last);
	}

	private people(): Found[] {
		const known = new Map<AccountId, string>();
		for (const space of this.sync.me.spaces) for (const account of space.people ?? []) known.set(account, places.personName(this.sync, account));
		for (const account of frame.colleagues) known.set(account.account, account.name);
		known.delete(this.sync.me.account.id);
		return [...known].map(([account, title]) => ({ key: account, title, icon: 'user' as const, person: account, href: `${places.people}#${account}` }));
	}

	private films(): Found[] {
		if (!frame.hasFilms) return [];
		return useLibrary().all.map((film) => ({ key: film.id, title: film.title, note: film.space_title, icon: 'film' as const, href: `${places.films}/${film.id}` }));
	}

	private commands(): Found[] {
		const go = (key: string, title: string, icon: IconName, href: string): Found => ({ key, title, icon, href });
		const act = (key: string, title: string, icon: IconName, run: () => void): Found => ({ key, title, icon, run });
		const dark = theme.value === 'dark';
		return [
			act('space', m.app_new_space(), 'plus', () => (frame.newSpaceOpen = true)),
			go('today', m.app_today(), 'house', places.home),
			go('people', m.app_people(), 'users', places.people),
			...(frame.hasFilms ? [go('films', m.app_films(), 'clapperboard', places.films)] : []),
			...(frame.hasMeetings ? [go('meetings', m.app_meetings(), 'video', places.meetings)] : []),
			go('account', m.app_account(), 'user', places.account),
			act('theme', dark ? m.app_theme_light() : m.app_theme_dark(), dark ? 'sun' : 'moon', () => (theme.value = dark ? 'light' : 'dark')),
			act('language', voice.language === 'de' ? 'English' : 'Deutsch', 'languages', () => voice.choose(voice.language === 'de' ? 'en' : 'de'))
		];
	}

	private async ask(query: string): Promise<void> {
		this.#asked = new AbortController();
		const { signal } = this.#asked;
		try {
			const { hits } = await api.get<{ hits: MessageHit[] }>('/api/search', { query: { q: query, limit: MESSAGES_MAX }, signal });
			if (!signal.aborted) this.#messages = hits.slice(0, MESSAGES_MAX).map((hit) => this.found(hit));
		} catch {
			// Offline the rooms and people are still found.
		}
		if (!signal.aborted) this.searching = false;
	}

	private found(hit: MessageHit): Found {
		const space = this.sync.space(hit.space);
		return {
			key: hit.id,
			title: hit.text.replace(/\s+/g, ' ').slice(0, EXCERPT_CHARS),
			note: [places.personName(this.sync, hit.author), space && places.title(this.sync, space)].filter(Boolean).join(', '),
			aside: formats.when(hit.at, this.sync.now()),
			icon: 'message-square-text',
			href: places.message(hit.space, hit.channel, hit.id)
		};
	}
}
