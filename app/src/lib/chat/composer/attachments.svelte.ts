/** Files beside a text that is being written: they go up at once, and survive a reload and a lost network. */
import type { BlobHash, SpaceId, Sync, Upload } from '$lib/base';
import type { FileRef } from '../message';
import { measurePicture } from './picture';

export const FILES_MAX = 20;
export const FILE_BYTES_MAX = 500_000_000;
const NAME_CHARS_MAX = 255;

/** What is kept of a file until its message is sent. */
export interface Attached {
	upload: string;
	name: string;
	type: string;
	size: number;
	width?: number;
	height?: number;
	/** Known as soon as this browser has read the file. */
	hash?: string;
}

export type Unfit = { reason: 'too_many' } | { reason: 'too_large'; name: string };

export class Attachments {
	list = $state<Attached[]>([]);
	private readonly addresses = new Map<string, string>();

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
		this.uploadOf(upload)?.cancel();
		this.release(upload);
	}

	/** Hand the files over to a message that is on its way. */
	take(): Attached[] {
		const taken = this.list.map((attached) => ({ ...attached, hash: this.uploadOf(attached.upload)?.hash ?? attached.hash }));
		this.list = [];
		return taken;
	}

	uploadOf(id: string): Upload | undefined {
		return this.sync.uploads.list.find((upload) => upload.id === id);
	}

	/** An address for the preview of a picture that is not at a provider yet. */
	addressOf(id: string): string | undefined {
		return this.addresses.get(id);
	}

	release(id: string): void {
		const address = this.addresses.get(id);
		if (address) URL.revokeObjectURL(address);
		this.addresses.delete(id);
	}

	private async addOne(file: File): Promise<void> {
		const address = URL.createObjectURL(file);
		const size = file.type.startsWith('image/') ? await measurePicture(address) : null;
		const upload = await this.sync.uploads.add(this.space, file);
		this.addresses.set(upload.id, address);
		const type = file.type || 'application/octet-stream';
		this.list.push({ upload: upload.id, name: nameOf(file), type, size: file.size, ...(size ?? {}) });
	}
}

/** A pasted picture has no name of its own. */
function nameOf(file: File): string {
	const name = file.name.trim() || `Bild.${file.type.split('/')[1] ?? 'bin'}`;
	return name.slice(-NAME_CHARS_MAX);
}

/** The file as a message names it. */
export function fileOf(attached: Attached, hash: BlobHash): FileRef {
	const { name, type, size, width, height } = attached;
	return width && height ? { hash, name, type, size, width, height } : { hash, name, type, size };
}
