/** What can be done with a message: shared by the toolbar, the sheet and the keyboard. */
import { getContext, setContext } from 'svelte';
import type { FileRef, Row } from '../message';

export interface MessageActions {
	react(row: Row, emoji: string): void;
	pickEmoji(row: Row, at: HTMLElement): void;
	reply(row: Row): void;
	edit(row: Row): void;
	withdraw(row: Row): void;
	copyText(row: Row): void;
	copyLink(row: Row): void;
	goTo(id: string): void;
	view(row: Row, picture: FileRef): void;
	retry(row: Row): void;
	discard(row: Row): void;
	openSheet(row: Row): void;
	/** Whether this person may write here at all. */
	readonly mayWrite: boolean;
	mayEdit(row: Row): boolean;
	mayWithdraw(row: Row): boolean;
	/** Its withdrawal can still be undone. */
	leaving(row: Row): boolean;
	/** How much of its files is at a provider, 0 … 1; null for what does not wait for files. */
	progress(row: Row): number | null;
}

const KEY = Symbol('message actions');

export function provideActions(actions: MessageActions): void {
	setContext(KEY, actions);
}

export function useActions(): MessageActions {
	return getContext<MessageActions>(KEY);
}
