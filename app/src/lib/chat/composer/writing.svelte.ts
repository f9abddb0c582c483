/** Everything about writing in one channel: the draft, its files, and sending it. State without markup. */
import type { AccountId, CoreId, SpaceId } from '$lib/base';
import type { Chat } from '../chat.svelte';
import type { Row } from '../message';
import { Attachments } from './attachments.svelte';
import type { Person } from './completion';
import { Draft } from './draft.svelte';
import { mentionsIn } from './mentions';

export const TEXT_CHARS_MAX = 20_000;
/** A body holds 64 KiB; some room is left for what stands beside the text. */
export const TEXT_BYTES_MAX = 56_000;

export class Writing {
	readonly draft: Draft;
	readonly attachments: Attachments;
	people = $state.raw<readonly Person[]>([]);

	constructor(
		readonly chat: Chat,
		readonly space: SpaceId,
		readonly channel: CoreId | null
	) {
		this.draft = new Draft(chat.sync, space, channel);
		this.attachments = new Attachments(chat.sync, space);
	}

	/** How many characters too many; 0 when it fits. */
	get over(): number {
		const text = this.draft.text;
		if (text.length > TEXT_CHARS_MAX) return text.length - TEXT_CHARS_MAX;
		if (text.length < TEXT_BYTES_MAX / 4) return 0;
		return Math.max(0, new TextEncoder().encode(text).length - TEXT_BYTES_MAX);
	}

	get sendable(): boolean {
		const something = this.draft.text.trim() !== '' || (!this.draft.editing && this.attachments.list.length > 0);
		return something && this.over === 0 && !this.chat.waiting.full;
	}

	/** Send or save what was written. Returns what was done; raises what base raises, with the draft as it was. */
	async send(): Promise<'posted' | 'edited' | null> {
		if (!this.sendable) return null;
		const text = this.draft.text.trim();
		const mentions = this.mentions(text);
		if (this.draft.editing) return this.saveEdit(this.draft.editing, text, mentions);
		const { space, channel } = this;
		const message = { space, channel, text, mentions, reply_to: this.draft.replyTo };
		const files = this.attachments.take();
		this.draft.clear();
		try {
			if (files.length > 0 || this.chat.waiting.some(space, channel)) await this.chat.waiting.add(message, files);
			else await this.chat.post({ ...message, files: [] });
		} catch (error) {
			this.attachments.list = files;
			this.draft.restoreText(text, message.reply_to);
			throw error;
		}
		return 'posted';
	}

	private async saveEdit(row: Row, text: string, mentions: AccountId[]): Promise<'edited'> {
		this.draft.stopEditing();
		if (text !== row.text) await this.chat.edit(this.space, row.id, text, mentions);
		return 'edited';
	}

	/** A first name alone counts where only one person has it. */
	private mentions(text: string): AccountId[] {
		const firstOf = (name: string) => name.split(' ')[0]!;
		const named = this.people.map(({ account, name }) => {
			const alone = this.people.filter((other) => firstOf(other.name) === firstOf(name)).length === 1;
			return { account, names: alone ? [name, firstOf(name)] : [name] };
		});
		return mentionsIn(text, named) as AccountId[];
	}
}
