/** Carries out what the toolbar, the sheet and the keyboard ask for. */
import { SvelteMap } from 'svelte/reactivity';
import { describe, type CoreId, type SpaceId } from '$lib/base';
import { toast, voice } from '$lib/ui';
import * as m from '$messages';
import type { Chat } from '../chat.svelte';
import type { Writing } from '../composer/writing.svelte';
import type { Conversation } from '../conversation.svelte';
import type { FileRef, Row } from '../message';
import type { MessageActions } from './actions';

/** How long a withdrawal can be undone. */
export const UNDO_MS = 6_000;

interface Room {
	chat: Chat;
	conversation: Conversation;
	writing: Writing;
	withdrawals: Withdrawals;
	space(): SpaceId;
	me(): string;
	mayWrite(): boolean;
	mayModerate(): boolean;
	address(id: string): string;
	goTo(id: string): void;
	view(row: Row, picture: FileRef): void;
	openSheet(row: Row): void;
	pickEmoji(row: Row, opener: HTMLElement): void;
	focusComposer(): void;
}

/** Withdrawals that can still be undone. Leaving the conversation or the page carries them out. */
export class Withdrawals {
	private readonly due = new SvelteMap<string, { run: () => void; timer: ReturnType<typeof setTimeout>; notice: number }>();

	constructor(private readonly chat: Chat) {}

	has(id: string): boolean {
		return this.due.has(id);
	}

	begin(space: SpaceId, row: Row): void {
		if (this.due.has(row.id)) return;
		const run = () => {
			this.cancel(row.id);
			attempt(this.chat.withdraw(space, row));
		};
		const action = { label: m.chat_undo(), run: () => this.cancel(row.id) };
		const notice = toast.show(m.chat_withdrawing(), { icon: 'trash', action, stay: true });
		this.due.set(row.id, { run, timer: setTimeout(run, UNDO_MS), notice });
	}

	finish(): void {
		for (const { run } of [...this.due.values()]) run();
	}

	private cancel(id: string): void {
		const due = this.due.get(id);
		if (!due) return;
		clearTimeout(due.timer);
		toast.dismiss(due.notice);
		this.due.delete(id);
	}
}

export function actionsFor(room: Room): MessageActions {
	const { chat, conversation, writing, withdrawals } = room;
	const own = (row: Row) => row.author === room.me();
	const settled = (row: Row) => !row.withdrawn && row.kind === 'message' && !isWaiting(row);
	return {
		get mayWrite() {
			return room.mayWrite();
		},
		mayEdit: (row) => room.mayWrite() && own(row) && settled(row) && row.text !== '',
		mayWithdraw: (row) => room.mayWrite() && settled(row) && (own(row) || room.mayModerate()),
		leaving: (row) => withdrawals.has(row.id),
		progress: (row) => (isWaiting(row) ? chat.waiting.progress(row.id) : null),
		react: (row, emoji) => attempt(chat.react(room.space(), row, emoji)),
		pickEmoji: room.pickEmoji,
		reply(row) {
			writing.draft.replyTo = row.id as CoreId;
			writing.draft.changed();
			room.focusComposer();
		},
		edit(row) {
			writing.draft.edit(row);
			room.focusComposer();
		},
		withdraw: (row) => withdrawals.begin(room.space(), row),
		copyText: (row) => copy(row.text, m.chat_text_copied()),
		copyLink: (row) => copy(room.address(row.id), m.chat_link_copied()),
		goTo: room.goTo,
		view: room.view,
		retry(row) {
			if (isWaiting(row)) chat.waiting.retry(row.id);
			else attempt(chat.sync.retry(row.id as CoreId));
		},
		discard(row) {
			if (isWaiting(row)) attempt(chat.waiting.discard(row.id));
			else attempt(chat.discard(conversation.space, row.id));
		},
		openSheet: room.openSheet
	};
}

/** A message whose files are still on their way has no id of its own yet. */
export function isWaiting(row: Row): boolean {
	return row.id.startsWith('waiting-');
}

/** Tell it when it cannot be written down. */
export function attempt(work: Promise<unknown>): void {
	work.catch((error: unknown) => toast.bad(describe(error, voice.language).detail));
}

function copy(text: string, done: string): void {
	navigator.clipboard.writeText(text).then(
		() => toast.show(done, { icon: 'check' }),
		() => toast.bad(m.chat_not_copied())
	);
}
