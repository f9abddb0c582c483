/** The one library of this tab. Made when the shell has a Sync; everything in `lib/media` takes it from here. */
import type { Sync } from '$lib/base';
import { Library } from './library.svelte';
import { FilmUploads } from './uploads.svelte';

let held = $state<{ library: Library; uploads: FilmUploads } | null>(null);

/** Called by the shell once, as soon as somebody is signed in. */
export function startMedia(sync: Sync): Library {
	if (held?.library.sync !== sync) {
		const library = new Library(sync);
		held = { library, uploads: new FilmUploads(library) };
	}
	return held!.library;
}

export function useLibrary(): Library {
	if (!held) throw new Error('startMedia comes first');
	return held.library;
}

export function useFilmUploads(): FilmUploads {
	if (!held) throw new Error('startMedia comes first');
	return held.uploads;
}
