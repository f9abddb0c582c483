/** What is being written in one channel: text, the answer it is, the message it changes. Kept in this browser. */
import type { CoreId, SpaceId, Sync } from '$lib/base';
import type { Row } from '../message';

export const KEEP_AFTER_MS = 400;

interface Kept {
	text: string;
	reply_to: CoreId | null;
}

export class Draft {
	text = $state('');
	replyTo = $state<CoreId | null>(null);
	editing = $state.raw<Row | null>(null);

	private timer: ReturnType<typeof setTimeout> | undefined;
	private before = '';
	private readonly key: string;

	constructor(
		private readonly sync: Sync,
		private readonly space: SpaceId,
		channel: CoreId | null
	) {
		this.key = `draft/${channel ?? ''}`;
	}

	async restore(): Promise<void> {
		const kept = (await this.sync.draft(this.space, this.key)) as Kept | null | undefined;
		if (!kept || this.text !== '') return;
		this.text = kept.text;
		this.replyTo = kept.reply_to;
	}

	/** The text changed: keep it soon. A message that is being changed is not a draft. */
	changed(): void {
		if (this.editing) return;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => void this.keep(), KEEP_AFTER_MS);
	}

	edit(row: Row): void {
		if (!this.editing) this.before = this.text;
		this.editing = row;
		this.text = row.text;
	}

	/** Back to what was being written before. */
	stopEditing(): void {
		this.editing = null;
		this.text = this.before;
		this.before = '';
	}

	/** It was sent. */
	clear(): void {
		this.text = '';
		this.replyTo = null;
		void this.keep();
	}

	/** It could not be sent: back into the field, before what was typed since. */
	restoreText(text: string, replyTo: CoreId | null): void {
		this.text = [text, this.text].filter(Boolean).join('\n');
		this.replyTo ??= replyTo;
		void this.keep();
	}

	async keep(): Promise<void> {
		clearTimeout(this.timer);
		if (this.editing) return;
		const empty = this.text.trim() === '' && this.replyTo === null;
		await this.sync.setDraft(this.space, this.key, empty ? null : { text: this.text, reply_to: this.replyTo });
	}
}
