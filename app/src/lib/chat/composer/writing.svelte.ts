/** Everything about writing in one channel: the draft, its files, what waits, and sending it. State without markup. */
import type { AccountId, CoreId, SpaceId, Sync } from '$lib/base';
import type { Chat } from '../chat.svelte';
import type { Row } from '../message';
import { Attachments } from './attachments.svelte';
import type { Person } from './completion';
import { Draft } from './draft.svelte';
import { mentionsIn } from './mentions';
import { Waiting } from './waiting.svelte';

export const TEXT_CHARS_MAX = 20_000;
/** A body holds 64 KiB; some room is left for what stands beside the text. */
export const TEXT_BYTES_MAX = 56_000;

export class Writing {
	readonly draft: Draft;
	readonly attachments: Attachments;
	readonly waiting: Waiting;
	people = $state.raw<readonly Person[]>([]);

	constructor(
		private readonly chat: Chat,
		sync: Sync,
		readonly space: SpaceId,
		readonly channel: CoreId | null
	) {
		this.draft = new Draft(sync, space, channel);
		this.attachments = new Attachments(sync, space);
		this.waiting = new Waiting(chat, sync, space, channel, this.attachments);
	}

	async restore(): Promise<void> {
		await Promise.all([this.draft.restore(), this.waiting.resume()]);
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
		return something && this.over === 0 && !this.waiting.full;
	}

	/** Send or save what was written. Returns what was done. */
	async send(): Promise<'posted' | 'edited' | null> {
		if (!this.sendable) return null;
		const text = this.draft.text.trim();
		const mentions = this.mentions(text);
		if (this.draft.editing) return this.saveEdit(this.draft.editing, text, mentions);
		const reply_to = this.draft.replyTo;
		const files = this.attachments.take();
		this.draft.clear();
		if (files.length > 0 || this.waiting.held.length > 0) await this.waiting.add({ text, mentions, reply_to, files });
		else await this.chat.post(this.space, this.channel, { text, mentions, files: [], reply_to });
		return 'posted';
	}

	private async saveEdit(row: Row, text: string, mentions: AccountId[]): Promise<'edited'> {
		this.draft.stopEditing();
		if (text !== row.text) await this.chat.edit(this.space, row.id, text, mentions);
		return 'edited';
	}

	private mentions(text: string): AccountId[] {
		const named = this.people.map(({ account, name }) => ({ account, names: [name] }));
		const firsts = this.people.map(({ account, name }) => ({ account, first: name.split(' ')[0]! }));
		for (const { account, first } of firsts) {
			const alone = firsts.filter((other) => other.first === first).length === 1;
			if (alone) named.find((person) => person.account === account)!.names.push(first);
		}
		return mentionsIn(text, named) as AccountId[];
	}
}
