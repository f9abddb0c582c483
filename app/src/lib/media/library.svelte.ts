/**
 * The media library in this browser: films by id, kept up to date by the same facts that the server folds.
 * Loaded once by query, then only listened to.
 */
import { msOf, type CoreId, type Fact, type SpaceId, type Sync } from '$lib/base';
import { keep, kept, letGo, type Left } from './left';
import { begun, heroOf, nextAfter, rowsOf } from './rows';
import type { Film, LibraryAnswer, Progress } from './types';

export const FILM_KINDS = [
	'media.film_added.1',
	'media.film_changed.1',
	'media.film_withdrawn.1',
	'authority.erasure_ordered.1',
	'media.film_prepared.1',
	'media.film_watched.1'
] as const;
const CACHE_KEY = 'media.library';
const FILMS_KEPT_MAX = 200;

type Added = { title: string; description?: string; source: { name: string; size: number } };
type Changed = { film: string; title: string; description?: string };
type Prepared = { film: string; outcome: 'ready' | 'refused'; plan?: string } & Partial<Omit<Film, 'id' | 'state'>>;
type Watched = { film: string; position_ms: number; duration_ms: number };

export class Library {
	films = $state<Record<string, Film>>({});
	/** Whether an answer, fresh or kept from last time, is there. */
	loaded = $state(false);
	/** The sentence why nothing could be loaded, while nothing is shown. */
	trouble = $state<string | null>(null);
	/** The latest position by film that arrived before the film itself. */
	#positions = new Map<string, { position_ms: number; at: number }>();
	#loading: Promise<void> | null = null;

	constructor(readonly sync: Sync) {
		sync.on([...FILM_KINDS], (fact) => this.apply(fact));
		sync.onSignal('media.progress', (signal) => this.moved(signal.data as Progress));
		sync.onOnline(() => void this.load());
	}

	get all(): Film[] {
		return Object.values(this.films);
	}
	get rows() {
		return rowsOf(this.all);
	}
	get hero() {
		return heroOf(this.all);
	}
	get begun() {
		return begun(this.all);
	}
	next(film: Film): Film | null {
		return nextAfter(film, this.all);
	}
	/** Spaces into which this person may put films. */
	get places() {
		return (this.sync.me?.spaces ?? []).filter((space) => space.abilities.includes('add_film') && !space.archived);
	}

	/** Ask the server; shows what was kept from last time until the answer is there. */
	load(): Promise<void> {
		this.#loading ??= this.#load().finally(() => (this.#loading = null));
		return this.#loading;
	}

	async #load(): Promise<void> {
		const personal = this.sync.me.personal;
		if (!this.loaded) {
			const kept = (await this.sync.draft(personal, CACHE_KEY).catch(() => null)) as Film[] | null;
			if (kept?.length && !this.loaded) this.#take(kept);
		}
		try {
			const { api } = await import('$lib/base');
			const answer = await api.get<LibraryAnswer>('/api/films');
			this.#take(answer.rows.flatMap((row) => row.films));
			this.trouble = null;
			void this.sync.setDraft(personal, CACHE_KEY, $state.snapshot(this.all).slice(0, FILMS_KEPT_MAX)).catch(() => undefined);
		} catch (error) {
			if (!this.loaded) this.trouble = error instanceof Error && 'detail' in error ? String(error.detail) : '';
		}
	}

	#take(films: Film[]): void {
		const pending = this.all.filter((film) => film.state === 'sending' || (film.state === 'waiting' && !films.some((other) => other.id === film.id) && Date.now() - film.added_at < 60_000));
		this.films = Object.fromEntries([...pending, ...films].map((film) => [film.id, this.#newer(film)]));
		if (!this.loaded) this.#pickUp();
		this.loaded = true;
	}

	/** Write down what a page that went away left, unless the person watched on elsewhere since. */
	#pickUp(): void {
		const left = kept(this.sync.me.account.id);
		if (!left) return;
		const film = this.films[left.film];
		if (film && (film.watched_at ?? 0) < left.at) void this.#write(left).catch(() => undefined);
		else letGo(left);
	}

	/** A position that was written here a moment ago wins over an answer that was computed before. */
	#newer(film: Film): Film {
		const own = this.#positions.get(film.id);
		return own && own.at > (film.watched_at ?? 0) ? { ...film, position_ms: own.position_ms, watched_at: own.at } : film;
	}

	/** Fetch one film again: what only the server knows (why it was refused, its tracks). */
	async refresh(id: CoreId): Promise<Film | null> {
		const { api } = await import('$lib/base');
		const film = await api.get<Film>(`/api/films/${id}`);
		this.films[id] = this.#newer(film);
		return film;
	}

	/** The fold. Repeatable, and in any order gives the same films. */
	apply(fact: Fact): void {
		const body = fact.body as unknown;
		if (fact.state === 'refused') return this.#takeBack(fact);
		if (body === null) return;
		if (fact.kind === 'media.film_added.1') this.#added(fact, body as Added);
		else if (fact.kind === 'media.film_changed.1') this.#changed(fact, body as Changed);
		else if (fact.kind === 'media.film_withdrawn.1') delete this.films[(body as { film: string }).film];
		else if (fact.kind === 'authority.erasure_ordered.1') this.#erased(fact, body as { account: string; until: string });
		else if (fact.kind === 'media.film_prepared.1') this.#prepared(body as Prepared);
		else if (fact.kind === 'media.film_watched.1') this.#watched(fact, body as Watched);
	}

	#erased(fact: Fact, { account, until }: { account: string; until: string }): void {
		if (fact.state !== 'accepted') return;
		for (const film of this.all) {
			if (film.space === fact.space && film.author === account && film.added_at <= msOf(until)) delete this.films[film.id];
		}
		void this.load();
	}

	#added(fact: Fact, body: Added): void {
		if (this.films[fact.id]) return;
		const space = this.sync.space(fact.space);
		const own = fact.by === this.sync.me.account.id;
		this.films[fact.id] = this.#newer({
			id: fact.id, space: fact.space, space_title: space?.title ?? '', author: fact.by ?? ('' as Film['author']),
			added_at: msOf(fact.t), title: body.title, description: body.description ?? '', state: 'waiting', percent: 0,
			media: '', duration_ms: 0, width: 0, height: 0, tone: '', sounds: [], words: [], chapters: [], reason: null,
			position_ms: 0, watched_at: null, stamp: fact.stamp, source_name: body.source.name, source_bytes: body.source.size,
			abilities: own || space?.abilities.includes('moderate') ? ['watch', 'change', 'withdraw'] : ['watch']
		});
	}

	#changed(fact: Fact, body: Changed): void {
		const film = this.films[body.film];
		if (film && film.stamp < fact.stamp) Object.assign(film, { title: body.title, description: body.description ?? '', stamp: fact.stamp });
	}

	#prepared(body: Prepared): void {
		const film = this.films[body.film];
		if (!film || film.state === 'ready') return;
		const { outcome, plan, duration_ms = 0, width = 0, height = 0, tone = '', sounds = [], words = [], chapters = [] } = body;
		Object.assign(film, { state: outcome, percent: 100, duration_ms: duration_ms || film.duration_ms, width, height, tone, sounds, words, chapters });
		if (plan) film.media = `/media/${film.space}/${film.id}/${plan}/`;
		if (outcome === 'refused') void this.refresh(film.id).catch(() => undefined);
	}

	#watched(fact: Fact, body: Watched): void {
		const at = msOf(fact.t);
		const known = this.#positions.get(body.film);
		if (known && known.at > at) return;
		this.#positions.set(body.film, { position_ms: body.position_ms, at });
		const film = this.films[body.film];
		if (film && (film.watched_at ?? 0) <= at) Object.assign(film, { position_ms: body.position_ms, watched_at: at, duration_ms: film.duration_ms || body.duration_ms });
	}

	#takeBack(fact: Fact): void {
		if (fact.kind === 'media.film_added.1') delete this.films[fact.id];
	}

	/** News about a film on its way. */
	moved(progress: Progress): void {
		const film = this.films[progress.film];
		if (!film) return void this.refresh(progress.film).catch(() => undefined);
		if (film.state === 'ready' || film.state === 'refused') return;
		if (progress.state === 'working' || progress.state === 'playable') film.state = progress.state;
		else void this.refresh(progress.film).catch(() => undefined);
		film.percent = progress.percent;
		if (progress.media) film.media = progress.media;
		if (progress.duration_ms) film.duration_ms = progress.duration_ms;
	}

	/** Write down how far the person got. */
	async watched(film: Film, position_ms: number, duration_ms: number): Promise<void> {
		const left: Left = {
			account: this.sync.me.account.id, space: film.space, film: film.id, at: this.sync.now(),
			position_ms: Math.round(position_ms), duration_ms: Math.round(duration_ms)
		};
		keep(left);
		await this.#write(left);
	}

	async #write(left: Left): Promise<void> {
		const { account: _account, at: _at, ...body } = left;
		await this.sync.post(this.sync.me.personal, 'media.film_watched.1', body);
		letGo(left);
	}

	async change(film: Film, title: string, description: string): Promise<void> {
		await this.sync.post(film.space, 'media.film_changed.1', { film: film.id, title, description, by: this.#as(film) }, { re: [film.id] });
	}

	async withdraw(film: Film): Promise<void> {
		await this.sync.post(film.space, 'media.film_withdrawn.1', { film: film.id, by: this.#as(film) }, { re: [film.id] });
	}

	#as(film: Film): 'author' | 'moderator' {
		return film.author === this.sync.me.account.id ? 'author' : 'moderator';
	}

	async add(space: SpaceId, title: string, description: string, source: { hash: string; name: string; type: string; size: number }): Promise<CoreId> {
		return this.sync.post(space, 'media.film_added.1', { title, description, source, blobs: [source.hash] });
	}
}
