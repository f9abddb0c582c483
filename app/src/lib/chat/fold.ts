/**
 * Folds facts into the rows that are held: the same rows as the server's fold gives, in whatever order facts arrive.
 * Pure: knows neither the network nor the screen.
 */
import { rowOf, type Delivery, type FileRef, type Reaction, type Row } from './message';

export const POSTED = 'chat.message_posted.1';
export const EDITED = 'chat.message_edited.1';
export const WITHDRAWN = 'chat.message_withdrawn.1';
export const REACTION_SET = 'chat.reaction_set.1';
export const CHANNEL_OPENED = 'chat.channel_opened.1';
export const CHANNEL_RENAMED = 'chat.channel_renamed.1';
export const CHANNEL_READ = 'chat.channel_read.1';

export const MESSAGE_KINDS = [POSTED, EDITED, WITHDRAWN, REACTION_SET] as const;

/** What the fold needs to know of a fact; `author` is the account, `stamp` orders concurrent writes. */
export interface ChatFact {
	id: string;
	kind: string;
	author: string;
	t: string;
	stamp: string;
	body: unknown;
}

interface PostedBody {
	channel: string | null;
	text: string;
	mentions: string[];
	files: FileRef[];
	reply_to: string | null;
}

/** What orders concurrent writes of one field: time, device, number. */
export function stampOf(core: { t: string; dev: string; ds: number }): string {
	return core.t + core.dev + core.ds.toString(16).padStart(8, '0');
}

/** A posted message as a row. */
export function postedRow(fact: ChatFact, delivery: Delivery): Row {
	const body = fact.body as PostedBody;
	return {
		...rowOf({
			id: fact.id,
			channel: body.channel,
			author: fact.author,
			t: fact.t,
			stamp: fact.stamp,
			text: body.text,
			edited: false,
			withdrawn: false,
			mentions: body.mentions,
			files: body.files,
			reply_to: body.reply_to,
			reactions: [],
			kind: 'message'
		}),
		delivery
	};
}

/** The message that a fact changes, or null for one that changes none. */
export function targetOf(fact: ChatFact): string | null {
	if (fact.kind !== EDITED && fact.kind !== WITHDRAWN && fact.kind !== REACTION_SET) return null;
	return (fact.body as { message: string }).message;
}

/** The row after the fact: the same object when nothing changes. */
export function foldRow(row: Row, fact: ChatFact): Row {
	if (fact.kind === EDITED) return edit(row, fact);
	if (fact.kind === WITHDRAWN) return withdraw(row, fact);
	if (fact.kind === REACTION_SET) return react(row, fact);
	return row;
}

function edit(row: Row, fact: ChatFact): Row {
	if (row.withdrawn || fact.author !== row.author || fact.stamp <= row.stamp) return row;
	const { text, mentions } = fact.body as { text: string; mentions: string[] };
	return { ...row, text, mentions, edited: true, stamp: fact.stamp };
}

function withdraw(row: Row, fact: ChatFact): Row {
	if (row.withdrawn || fact.author !== row.author) return row;
	return { ...row, withdrawn: true, text: '', mentions: [], files: [], reactions: [] };
}

function react(row: Row, fact: ChatFact): Row {
	const { emoji, on } = fact.body as { emoji: string; on: boolean };
	const key = `${fact.author} ${emoji}`;
	if (row.withdrawn || fact.stamp <= (row.reactionStamps[key] ?? '')) return row;
	return {
		...row,
		reactionStamps: { ...row.reactionStamps, [key]: fact.stamp },
		reactions: withReaction(row.reactions, emoji, fact.author, on)
	};
}

function withReaction(reactions: readonly Reaction[], emoji: string, account: string, on: boolean): Reaction[] {
	const held = reactions.find((reaction) => reaction.emoji === emoji);
	const others = (held?.accounts ?? []).filter((other) => other !== account);
	const accounts = on ? [...others, account] : others;
	if (!held) return on ? [...reactions, { emoji, accounts }] : [...reactions];
	return reactions
		.map((reaction) => (reaction === held ? { emoji, accounts } : reaction))
		.filter((reaction) => reaction.accounts.length > 0);
}
