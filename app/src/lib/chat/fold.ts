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

export const ERASURE_ORDERED = 'authority.erasure_ordered.1';

export const MESSAGE_KINDS = [POSTED, EDITED, WITHDRAWN, REACTION_SET] as const;

/** A message that claims to come from later than this after a provider took it in stands there, not later. */
export const SHOWN_DRIFT_MS_MAX = 60_000;

/** What the fold needs to know of a fact; `author` is the account, `stamp` orders concurrent writes. */
export interface ChatFact {
	id: string;
	kind: string;
	author: string;
	t: string;
	stamp: string;
	/** When a provider took it in, in milliseconds; null while it is only here. */
	at: number | null;
	/** Null when it was erased. */
	body: unknown;
}

/** All that an account wrote up to a time goes, also what comes later. */
export interface Erasure {
	account: string;
	until: string;
}

export const isErased = (row: { author: string; t: string; withdrawn: boolean }, { account, until }: Erasure): boolean =>
	row.author === account && row.t <= until && !row.withdrawn;

/** Fields that have a default may be missing. */
interface PostedBody {
	text: string;
	channel?: string | null;
	mentions?: string[];
	files?: FileRef[];
	reply_to?: string | null;
}

/** What orders a message: its own clock, unless it claims to come from after it was taken in. */
export function shownAt(fact: { t: string; at: number | null }): string {
	if (fact.at === null) return fact.t;
	const latest = (fact.at + SHOWN_DRIFT_MS_MAX).toString(16).padStart(12, '0') + '0000';
	return fact.t < latest ? fact.t : latest;
}

/** A posted message as a row. */
export function postedRow(fact: ChatFact, delivery: Delivery): Row {
	const body = fact.body as PostedBody;
	return {
		...rowOf({
			id: fact.id,
			channel: body.channel ?? null,
			author: fact.author,
			t: shownAt(fact),
			stamp: fact.stamp,
			text: body.text,
			edited: false,
			withdrawn: false,
			mentions: body.mentions ?? [],
			files: body.files ?? [],
			reply_to: body.reply_to ?? null,
			reactions: [],
			kind: 'message'
		}),
		delivery
	};
}

const NOTHING_LEFT = { withdrawn: true, edited: false, text: '', stamp: '', mentions: [], files: [], reactions: [], reply_to: null };

/** What is left of a message that was erased before this browser saw it; `posted` is its fact without a body. */
export function tombstone(posted: ChatFact, withdrawn: ChatFact): Row {
	const { channel } = withdrawn.body as { channel?: string | null };
	const row = { ...NOTHING_LEFT, id: posted.id, channel: channel ?? null, author: posted.author, t: shownAt(posted) };
	return foldRow(rowOf({ ...row, withdrawn: false }), withdrawn);
}

/** The message that a fact changes, or null for one that changes none. */
export function targetOf(fact: ChatFact): string | null {
	if (fact.body === null) return null;
	if (fact.kind !== EDITED && fact.kind !== WITHDRAWN && fact.kind !== REACTION_SET) return null;
	return (fact.body as { message: string }).message;
}

/** The row after the fact: the same object when nothing changes. */
export function foldRow(row: Row, fact: ChatFact): Row {
	if (fact.body === null) return row;
	if (fact.kind === EDITED) return edit(row, fact);
	if (fact.kind === WITHDRAWN) return withdraw(row, fact);
	if (fact.kind === REACTION_SET) return react(row, fact);
	return row;
}

function edit(row: Row, fact: ChatFact): Row {
	if (row.withdrawn || fact.author !== row.author || fact.stamp <= row.stamp) return row;
	const { text, mentions } = fact.body as { text: string; mentions?: string[] };
	return { ...row, text, mentions: mentions ?? [], edited: true, stamp: fact.stamp };
}

function withdraw(row: Row, fact: ChatFact): Row {
	const { by } = fact.body as { by?: string };
	if (row.withdrawn || (by !== 'moderator' && fact.author !== row.author)) return row;
	return { ...row, ...NOTHING_LEFT };
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
