/**
 * Messages that wait for their files, in the order they were sent. Kept in this browser until each is posted, wherever the
 * person is meanwhile: a photo taken without a network is sent once the network is back. What is sent in the same channel
 * after them waits its turn.
 */
import { untrack } from 'svelte';
import type { AccountId, BlobHash, CoreId, SpaceId, Sync } from '$lib/base';
import { rowOf, type FileRef, type Row } from '../message';
import { Addresses } from './addresses';
import { fileOf, hasFailed, shareOf, uploadOf, type Attached } from './attachments.svelte';

export const WAITING_MAX = 50;
const PLACE = 'chat';
const KEY = 'waiting';

export interface Outgoing {
	space: SpaceId;
	channel: CoreId | null;
	text: string;
	mentions: AccountId[];
	reply_to: CoreId | null;
}

interface Held extends Outgoing {
	id: string;
	at: number;
	files: Attached[];
}

type Post = (message: Outgoing & { files: FileRef[] }) => Promise<CoreId>;

export class Waiting {
	held = $state<Held[]>([]);
	readonly addresses = new Addresses();
	private readonly sending = new Set<string>();
	private readonly again = new Set<string>();

	constructor(
		private readonly sync: Sync,
		private readonly post: Post
	) {
		// For as long as the tab is open: goes on whenever an upload gets further.
		$effect.root(() => {
			$effect(() => {
				for (const { files } of this.held) for (const { upload } of files) void uploadOf(this.sync, upload)?.state;
				untrack(() => this.kick());
			});
		});
	}

	/** Take up what was left here when the page was closed. */
	async resume(): Promise<void> {
		const kept = await this.kept();
		const known = new Set(this.held.map((held) => held.id));
		this.held = [...kept.filter((held) => !known.has(held.id)), ...this.held];
		this.kick();
	}

	get full(): boolean {
		return this.held.length >= WAITING_MAX;
	}

	some(space: SpaceId, channel: CoreId | null): boolean {
		return this.held.some((held) => held.space === space && held.channel === channel);
	}

	async add(message: Outgoing, files: Attached[]): Promise<void> {
		const held = { ...message, files, id: `waiting-${crypto.randomUUID()}`, at: this.sync.now() };
		this.held.push(held);
		await this.change((kept) => [...kept, held]);
		this.kick();
	}

	async discard(id: string): Promise<void> {
		for (const file of this.held.find((held) => held.id === id)?.files ?? []) {
			void uploadOf(this.sync, file.upload)?.cancel();
			this.addresses.release(file.upload);
		}
		await this.change((kept) => kept.filter((held) => held.id !== id));
		this.held = this.held.filter((held) => held.id !== id);
		this.kick();
	}

	/** Try the files of a message again that failed. */
	retry(id: string): void {
		for (const file of this.held.find((held) => held.id === id)?.files ?? []) uploadOf(this.sync, file.upload)?.retry();
		this.kick();
	}

	/** As rows at the end of a channel's list. Reactive. */
	rows(space: SpaceId, channel: CoreId | null, me: string): Row[] {
		return this.held.filter((held) => held.space === space && held.channel === channel).map((held) => this.row(held, me));
	}

	/** 0 … 1 over all files of a message. Reactive. */
	progress(id: string): number {
		const files = this.held.find((held) => held.id === id)?.files ?? [];
		const bytes = files.reduce((sum, file) => sum + file.size, 0) || 1;
		return files.reduce((sum, file) => sum + shareOf(uploadOf(this.sync, file.upload)) * file.size, 0) / bytes;
	}

	private kick(): void {
		for (const place of new Set(this.held.map(placeOf))) void this.send(place);
	}

	private row(held: Held, author: string): Row {
		const { id, channel, text, mentions, reply_to } = held;
		const t = Math.round(held.at).toString(16).padStart(12, '0') + '0000';
		const uploads = held.files.map((file) => uploadOf(this.sync, file.upload));
		const files = held.files.map((file, at) => ({ ...fileOf(file, file.upload as BlobHash), local: this.addresses.of(uploads[at]) }));
		const row = rowOf({ id, channel, author, t, stamp: '', text, edited: false, withdrawn: false, mentions, files, reply_to, reactions: [] });
		const failed = uploads.find((upload) => hasFailed(upload));
		return failed ? { ...row, delivery: 'refused', refusal: failed.detail } : { ...row, delivery: 'pending' };
	}

	private async send(place: string): Promise<void> {
		if (this.sending.has(place)) {
			this.again.add(place);
			return;
		}
		this.sending.add(place);
		try {
			do {
				this.again.delete(place);
				for (let next = await this.nextOf(place); next; next = await this.nextOf(place)) await this.postOnce(next.held, next.files);
			} while (this.again.has(place));
		} finally {
			this.sending.delete(place);
		}
	}

	/** The next message whose files are all there. One on its way holds up those after it; one that failed is passed over. */
	private async nextOf(place: string): Promise<{ held: Held; files: FileRef[] } | null> {
		for (const held of this.held.filter((one) => placeOf(one) === place)) {
			if (held.files.some((file) => hasFailed(uploadOf(this.sync, file.upload)))) continue;
			const files = await this.filesOf(held);
			return files && { held, files };
		}
		return null;
	}

	/** Null while one of them is not at a provider. */
	private async filesOf(held: Held): Promise<FileRef[] | null> {
		const files = [];
		for (const file of held.files) {
			const upload = uploadOf(this.sync, file.upload);
			const hash = upload ? (upload.state === 'done' ? upload.hash : null) : await this.sentBefore(file.upload);
			if (hash === null) return null;
			files.push(fileOf(file, hash));
		}
		return files;
	}

	/** Several tabs may hold the same message: the one that finds it still kept posts it. */
	private async postOnce(held: Held, files: FileRef[]): Promise<void> {
		await this.exclusive(async () => {
			const kept = await this.kept();
			const left = kept.filter((other) => other.id !== held.id);
			if (left.length === kept.length) return;
			const { space, channel, text, mentions, reply_to } = held;
			await this.post({ space, channel, text, mentions: [...mentions], reply_to, files });
			await this.keep(left);
		});
		this.held = this.held.filter((other) => other.id !== held.id);
		for (const file of held.files) this.addresses.release(file.upload);
	}

	/** An earlier visit, or another tab, has sent it. */
	private async sentBefore(upload: string): Promise<BlobHash | null> {
		const stored = await this.sync.store.db.get('uploads', upload);
		return stored?.isDone ? stored.hash : null;
	}

	private change(next: (kept: Held[]) => Held[]): Promise<void> {
		return this.exclusive(async () => this.keep(next(await this.kept())));
	}

	private async exclusive(work: () => Promise<void>): Promise<void> {
		await navigator.locks.request('verbund.chat.waiting', work);
	}

	private async kept(): Promise<Held[]> {
		return ((await this.sync.draft(PLACE, KEY)) as Held[] | null | undefined) ?? [];
	}

	private async keep(kept: Held[]): Promise<void> {
		await this.sync.setDraft(PLACE, KEY, kept.length > 0 ? kept.slice(0, WAITING_MAX) : null);
	}
}

function placeOf(held: Held): string {
	return `${held.space}/${held.channel ?? ''}`;
}
