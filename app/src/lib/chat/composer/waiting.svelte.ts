/**
 * Messages that wait for their files, in the order they were sent. Kept in this browser until each is posted, so that a
 * photo taken without a network is sent once the network is back. What is sent after them waits its turn.
 */
import type { AccountId, BlobHash, CoreId, SpaceId, Sync } from '$lib/base';
import type { Chat } from '../chat.svelte';
import { rowOf, type Row } from '../message';
import { fileOf, type Attached, type Attachments } from './attachments.svelte';

export const WAITING_MAX = 50;

interface Held {
	id: string;
	at: number;
	text: string;
	mentions: AccountId[];
	reply_to: CoreId | null;
	files: Attached[];
}

export class Waiting {
	held = $state<Held[]>([]);
	private sending = false;
	private readonly key: string;

	constructor(
		private readonly chat: Chat,
		private readonly sync: Sync,
		readonly space: SpaceId,
		readonly channel: CoreId | null,
		private readonly attachments: Attachments
	) {
		this.key = `waiting/${channel ?? ''}`;
	}

	/** Take up what was left here when the page was closed. */
	async resume(): Promise<void> {
		const kept = await this.sync.draft(this.space, this.key);
		if (Array.isArray(kept) && this.held.length === 0) this.held = kept as Held[];
		void this.send();
	}

	get full(): boolean {
		return this.held.length >= WAITING_MAX;
	}

	async add(message: Omit<Held, 'id' | 'at'>): Promise<void> {
		this.held.push({ ...message, id: `waiting-${crypto.randomUUID()}`, at: this.sync.now() });
		await this.keep();
		void this.send();
	}

	async discard(id: string): Promise<void> {
		const gone = this.held.find((held) => held.id === id);
		this.held = this.held.filter((held) => held.id !== id);
		for (const file of gone?.files ?? []) {
			this.attachments.uploadOf(file.upload)?.cancel();
			this.attachments.release(file.upload);
		}
		await this.keep();
		void this.send();
	}

	/** Try the files of a message again that failed. */
	retry(id: string): void {
		for (const file of this.held.find((held) => held.id === id)?.files ?? []) {
			const upload = this.attachments.uploadOf(file.upload);
			if (upload?.state === 'failed') upload.retry();
		}
		void this.send();
	}

	/** As rows at the end of the list. */
	rows(me: string): Row[] {
		return this.held.map((held) => ({
			...rowOf({
				id: held.id,
				channel: this.channel,
				author: me,
				t: held.at.toString(16).padStart(12, '0') + '0000',
				stamp: '',
				text: held.text,
				edited: false,
				withdrawn: false,
				mentions: held.mentions,
				files: held.files.map((file) => ({ ...fileOf(file, (file.hash ?? file.upload) as BlobHash), local: this.attachments.addressOf(file.upload) })),
				reply_to: held.reply_to,
				reactions: []
			}),
			delivery: this.failed(held) ? 'refused' : 'pending',
			refusal: null
		}));
	}

	/** 0 … 1 over all files of a message. */
	progress(id: string): number {
		const files = this.held.find((held) => held.id === id)?.files ?? [];
		const bytes = files.reduce((sum, file) => sum + file.size, 0) || 1;
		return files.reduce((sum, file) => sum + (this.attachments.uploadOf(file.upload)?.progress ?? 1) * file.size, 0) / bytes;
	}

	private failed(held: Held): boolean {
		return held.files.some((file) => this.attachments.uploadOf(file.upload)?.state === 'failed');
	}

	private async send(): Promise<void> {
		if (this.sending) return;
		this.sending = true;
		try {
			for (let first = this.held[0]; first; first = this.held[0]) {
				const files = await this.uploaded(first);
				if (files === null) break;
				await this.postOnce(first, files);
			}
		} finally {
			this.sending = false;
		}
	}

	/** Several tabs may hold the same message: the one that finds it still kept posts it. */
	private postOnce(held: Held, files: ReturnType<typeof fileOf>[]): Promise<void> {
		return navigator.locks.request(`verbund.${this.space}.${this.key}`, async () => {
			const kept = ((await this.sync.draft(this.space, this.key)) ?? []) as Held[];
			const left = kept.filter((other) => other.id !== held.id);
			if (left.length < kept.length) {
				const { text, mentions, reply_to } = held;
				await this.chat.post(this.space, this.channel, { text, mentions: [...mentions], files, reply_to });
				await this.sync.setDraft(this.space, this.key, left.length > 0 ? left : null);
			}
			this.held = this.held.filter((other) => other.id !== held.id);
		});
	}

	/** The files once all of them are at a provider; null when one failed or was stopped. */
	private async uploaded(held: Held): Promise<ReturnType<typeof fileOf>[] | null> {
		const files = [];
		for (const file of held.files) {
			const upload = this.attachments.uploadOf(file.upload);
			const hash = upload ? await upload.done.catch(() => null) : ((file.hash as BlobHash | undefined) ?? null);
			if (hash === null) return null;
			file.hash = hash;
			files.push(fileOf(file, hash));
		}
		return files;
	}

	private async keep(): Promise<void> {
		await this.sync.setDraft(this.space, this.key, this.held.length > 0 ? $state.snapshot(this.held) : null);
	}
}
