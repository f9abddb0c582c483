/** The shapes of the media library as the server sends them. No code. */
import type { AccountId, CoreId, SpaceId } from '$lib/base';

export type FilmState = 'sending' | 'waiting' | 'working' | 'playable' | 'ready' | 'refused';

export interface Chapter {
	start_ms: number;
	title: string;
}

/** A film as this person sees it. `media` is the folder of its playlists and pictures, "" while there is none. */
export interface Film {
	id: CoreId;
	space: SpaceId;
	space_title: string;
	author: AccountId;
	added_at: number;
	title: string;
	description: string;
	state: FilmState;
	/** How much of it is prepared; while `sending`, how much is sent. */
	percent: number;
	media: string;
	duration_ms: number;
	width: number;
	height: number;
	tone: string;
	sounds: string[];
	words: string[];
	chapters: Chapter[];
	reason: { code: string; detail: string } | null;
	position_ms: number;
	watched_at: number | null;
	stamp: string;
	source_name: string;
	source_bytes: number;
	abilities: string[];
}

export interface LibraryAnswer {
	hero: Film | null;
	rows: { key: string; title: string; films: Film[] }[];
}

export interface FilmRow {
	key: string;
	title: string;
	films: Film[];
}

export interface Progress {
	film: CoreId;
	state: FilmState;
	percent: number;
	media?: string;
	duration_ms?: number;
}
