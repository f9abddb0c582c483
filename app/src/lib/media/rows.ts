/** Which films stand in which row. Pure: the server's `queries.library` says the same for a first visit. */
import type { Film, FilmRow } from './types';

export const ROW_FILMS_MAX = 40;
export const CONTINUE_MAX = 20;
const BEGUN_MS = 5_000;
const DONE_SHARE = 0.95;

/** Whether somebody began this film and did not finish it. */
export const isBegun = (film: Film): boolean => film.watched_at !== null && film.position_ms >= BEGUN_MS && film.position_ms < film.duration_ms * DONE_SHARE;

/** Where to begin, in seconds: where the person left, or at the start. */
export const startAt = (film: Film): number => (isBegun(film) ? film.position_ms / 1000 : 0);

export const canWatch = (film: Film): boolean => film.state === 'ready' || film.state === 'playable';

/** Began and not finished, last watched first. */
export function begun(films: Iterable<Film>): Film[] {
	return [...films]
		.filter((film) => isBegun(film) && canWatch(film))
		.sort((one, other) => (other.watched_at ?? 0) - (one.watched_at ?? 0))
		.slice(0, CONTINUE_MAX);
}

/** Continue, new, then one row for each space that has films (only when there are several). */
export function rowsOf(films: Iterable<Film>): FilmRow[] {
	const all = newestFirst(films);
	const spaces = new Map<string, Film[]>();
	for (const film of all) spaces.set(film.space, [...(spaces.get(film.space) ?? []), film]);
	const rows: FilmRow[] = [
		{ key: 'continue', title: '', films: begun(all) },
		{ key: 'new', title: '', films: all.slice(0, ROW_FILMS_MAX) }
	];
	if (spaces.size > 1)
		for (const [space, own] of spaces) rows.push({ key: space, title: own[0]!.space_title, films: own.slice(0, ROW_FILMS_MAX) });
	return rows.filter((row) => row.films.length > 0);
}

/** The newest film with a picture that can be watched, else the newest that can be heard. */
export function heroOf(films: Iterable<Film>): Film | null {
	const ready = newestFirst(films).filter(canWatch);
	return ready.find((film) => film.width > 0 || film.state === 'playable') ?? ready[0] ?? null;
}

/** What plays after this one: the next older film of the same space that can be watched. */
export function nextAfter(film: Film, films: Iterable<Film>): Film | null {
	const own = newestFirst(films).filter((other) => other.space === film.space && canWatch(other));
	const at = own.findIndex((other) => other.id === film.id);
	return at < 0 ? null : (own[at + 1] ?? null);
}

const newestFirst = (films: Iterable<Film>): Film[] => [...films].sort((one, other) => other.added_at - one.added_at || (one.id < other.id ? 1 : -1));
