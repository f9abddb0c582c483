/** Files beside a text that is being written: they go up at once, and survive a reload and a lost network. */
import type { BlobHash, SpaceId, Sync, Upload } from '$lib/base';
import * as m from '$messages';
import type { FileRef } from '../message';
import { measurePicture } from './picture';

export const FILES_MAX = 20;
export const FILE_BYTES_MAX = 500_000_000;
const NAME_CHARS_MAX = 255;
/** Failed because there was no network: it goes on by itself. */
const OFFLINE = 'base.offline';

/** What is kept of a file until its message is sent. */
export interface Attached {
	upload: string;
	name: string;
	type: string;
	size: number;
	width?: number;
	height?: number;
}

export type Unfit = { reason: 'too_many' } | { reason: 'too_large'; name: string };

export class Attachments {
	list = $state<Attached[]>([]);

	constructor(
		private readonly sync: Sync,
		private readonly space: SpaceId
	) {}

	/** Begin to send files up; returns what did not fit. */
	async add(files: readonly File[]): Promise<Unfit[]> {
		const unfit: Unfit[] = [];
		for (const file of files) {
			if (this.list.length >= FILES_MAX) {
				unfit.push({ reason: 'too_many' });
				break;
			}
			if (file.size > FILE_BYTES_MAX) unfit.push({ reason: 'too_large', name: file.name });
			else await this.addOne(file);
		}
		return unfit;
	}

	remove(upload: string): void {
		this.list = this.list.filter((attached) => attached.upload !== upload);
		void uploadOf(this.sync, upload)?.cancel();
	}

	/** Hand the files over to a message that is on its way. */
	take(): Attached[] {
		const taken = $state.snapshot(this.list);
		this.list = [];
		return taken;
	}

	private async addOne(file: File): Promise<void> {
		const size = file.type.startsWith('image/') ? await measurePicture(file) : null;
		const upload = await this.sync.uploads.add(this.space, file);
		const type = file.type || 'application/octet-stream';
		this.list.push({ upload: upload.id, name: nameOf(file), type, size: file.size, ...(size ?? {}) });
	}
}

/** Reactive. */
export function uploadOf(sync: Sync, id: string): Upload | undefined {
	return sync.uploads.list.find((upload) => upload.id === id);
}

/** Whether it needs somebody to try again; without a network it only waits. */
export function hasFailed(upload: Upload | undefined): boolean {
	return upload?.state === 'failed' && upload.code !== OFFLINE;
}

/** How much of it is at the provider, 0 … 1; reading it counts for nothing. */
export function shareOf(upload: Upload | undefined): number {
	if (!upload || upload.state === 'done') return 1;
	return upload.state === 'sending' ? upload.progress : 0;
}

/** The file as a message names it. */
export function fileOf(attached: Attached, hash: BlobHash): FileRef {
	const { name, type, size, width, height } = attached;
	return width && height ? { hash, name, type, size, width, height } : { hash, name, type, size };
}

/** A pasted picture has no name of its own. */
function nameOf(file: File): string {
	const name = file.name.trim() || `${m.chat_pasted_picture()}.${file.type.split('/')[1] ?? 'bin'}`;
	return name.slice(-NAME_CHARS_MAX);
}
