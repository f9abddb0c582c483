/** What a message is in this browser, and the order messages stand in. */

export interface FileRef {
	hash: string;
	name: string;
	type: string;
	size: number;
	width?: number;
	height?: number;
	/** An address inside this browser, while the file is not at a provider yet. */
	local?: string;
}

export interface Reaction {
	emoji: string;
	accounts: string[];
}

/** A call's end, as the line in the conversation shows it. */
export interface CallSummary {
	seconds: number | null;
	people: string[];
}

/** A row as the server answers it; `stamp` is that of the text that is shown. */
export interface Message {
	id: string;
	channel: string | null;
	author: string;
	t: string;
	stamp: string;
	text: string;
	edited: boolean;
	withdrawn: boolean;
	mentions: string[];
	files: FileRef[];
	reply_to: string | null;
	reactions: Reaction[];
	/** "message" where it is missing. */
	kind?: string;
	call?: CallSummary | null;
}

/** How far a message of mine has come; null for what needs no mark. */
export type Delivery = 'pending' | 'accepted' | 'refused' | null;

/** A row that is held; the stamps of reactions are known only for those that arrived while it was held. */
export interface Row extends Message {
	kind: string;
	delivery: Delivery;
	refusal: string | null;
	reactionStamps: Readonly<Record<string, string>>;
}

/** Messages stand in the order of (t, id), at every device and every provider. */
export function orderOf(message: { t: string; id: string }): string {
	return message.t + message.id;
}

export function compareOrder(a: { t: string; id: string }, b: { t: string; id: string }): number {
	if (a.t !== b.t) return a.t < b.t ? -1 : 1;
	return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

/** The clock of a stamp's first 16 hex digits → milliseconds since 1970. */
export function millisecondsOf(t: string): number {
	return Number.parseInt(t.slice(0, 12), 16);
}

export function rowOf(message: Message): Row {
	return { ...message, kind: message.kind ?? 'message', delivery: null, refusal: null, reactionStamps: {} };
}

/** A call as the conversation is handed it; "seconds" is null while it goes on. */
export interface CallEntry {
	id: string;
	author: string;
	t: string;
	seconds: number | null;
	people: readonly string[];
}

/** A call as a line of the conversation. */
export function callRow({ id, author, t, seconds, people }: CallEntry): Row {
	const empty = { channel: null, stamp: '', text: '', edited: false, withdrawn: false, mentions: [], files: [], reply_to: null, reactions: [] };
	return rowOf({ ...empty, id, author, t, kind: 'call', call: { seconds, people: [...people] } });
}
