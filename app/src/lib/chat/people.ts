/** Names of people as the conversation needs them. */
import type { AccountId, Sync } from '$lib/base';
import * as m from '$messages';
import type { Mentionable } from './markdown/ast';

export function nameOf(sync: Sync, account: string): string {
	return sync.name(account as AccountId) ?? m.chat_unknown_person();
}

export function firstNameOf(sync: Sync, account: string): string {
	return nameOf(sync, account).split(' ')[0]!;
}

/** Those whom a message names, by full name and by first name. */
export function mentionable(sync: Sync, accounts: readonly string[]): Mentionable[] {
	return accounts.flatMap((account) => {
		const name = sync.name(account as AccountId);
		return name ? [{ account, names: [name, name.split(' ')[0]!] }] : [];
	});
}

const EMOJI_SHOWN_LARGE_MAX = 6;
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|\s){1,40}$/u;

/** A message of a few emoji and nothing else is shown large. */
export function isEmojiOnly(text: string): boolean {
	if (!EMOJI_ONLY.test(text)) return false;
	return [...new Intl.Segmenter().segment(text.replace(/\s/g, ''))].length <= EMOJI_SHOWN_LARGE_MAX;
}
