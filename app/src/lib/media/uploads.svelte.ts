/** Films on their way to the server: an upload with a title. What is typed survives a reload, as the upload does. */
import type { SpaceId, Upload } from '$lib/base';
import type { Library } from './library.svelte';

export const FILM_BYTES_MAX = 64 * 1024 ** 3;
export const TITLE_CHARS_MAX = 120;
export const DESCRIPTION_CHARS_MAX = 4_000;
const KEY = 'media.uploads';

interface Words {
	space: SpaceId;
	title: string;
	description: string;
	name: string;
	type: string;
	size: number;
}

export interface FilmUpload extends Words {
	id: string;
	upload: Upload;
}

export class FilmUploads {
	list = $state<FilmUpload[]>([]);

	constructor(readonly library: Library) {
		void this.#resume();
		library.sync.onOnline(() => void this.#resume());
	}

	/** Begin to send; the film appears in the library when its last byte is there. */
	async add(space: SpaceId, file: File, title: string, description: string): Promise<void> {
		const upload = await this.library.sync.uploads.add(space, file);
		const words = { space, title, description, name: file.name.slice(0, 255), type: file.type.slice(0, 100), size: file.size };
		this.#follow({ id: upload.id, upload, ...words });
		await this.#keep();
	}

	async cancel(one: FilmUpload): Promise<void> {
		await one.upload.cancel();
		await this.#done(one);
	}

	#follow(one: FilmUpload): void {
		this.list.push(one);
		one.upload.done.then(
			async (hash) => {
				await this.library.add(one.space, one.title, one.description, { hash, name: one.name, type: one.type, size: one.size });
				await this.#done(one);
			},
			() => undefined
		);
	}

	async #done(one: FilmUpload): Promise<void> {
		this.list = this.list.filter((other) => other.id !== one.id);
		await this.#keep();
	}

	async #keep(): Promise<void> {
		const kept = Object.fromEntries(this.list.map(({ id, upload: _, ...words }) => [id, $state.snapshot(words)]));
		await this.library.sync.setDraft(this.library.sync.me.personal, KEY, this.list.length ? kept : null);
	}

	/** After a reload: uploads that base goes on with, joined with the words typed for them. */
	async #resume(): Promise<void> {
		const { sync } = this.library;
		const kept = (await sync.draft(sync.me.personal, KEY).catch(() => null)) as Record<string, Words> | null;
		for (const upload of kept ? sync.uploads.list : []) {
			const words = kept![upload.id];
			if (words && !this.list.some((one) => one.id === upload.id)) this.#follow({ id: upload.id, upload, ...words });
		}
	}
}

/** A title from a file's name: "2026-11_wochen-start.mp4" → "2026-11 wochen-start". */
export function titleOf(name: string): string {
	return name.replace(/\.[a-z0-9]{2,5}$/i, '').replace(/[_.]+/g, ' ').trim().slice(0, TITLE_CHARS_MAX) || name.slice(0, TITLE_CHARS_MAX);
}
