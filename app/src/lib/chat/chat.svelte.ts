/** Conversation in this tab: takes facts in, keeps the last conversations at hand, knows who types and what is unread. */
import { SvelteMap } from 'svelte/reactivity';
import { SET_ASIDE, type AccountId, type CoreId, type Fact, type JsonObject, type RowWriter, type Signal, type SpaceId, type Sync } from '$lib/base';
import { Waiting, type Outgoing } from './composer/waiting.svelte';
import { Writing } from './composer/writing.svelte';
import { Conversation, ROW_KIND } from './conversation.svelte';
import { CHANNEL_OPENED, CHANNEL_READ, CHANNEL_RENAMED, EDITED, ERASURE_ORDERED, foldRow, isErased, MESSAGE_KINDS, POSTED, postedRow, targetOf, WITHDRAWN, type ChatFact, type Erasure } from './fold';
import { orderOf, type Delivery, type FileRef, type Row } from './message';
import { Presence } from './presence.svelte';
import { Typing } from './typing.svelte';
import { Unread } from './unread.svelte';

/** Conversations that stay in memory, so that going back to them is instant. */
export const CONVERSATIONS_MAX = 12;

/** A fact that another one stands for now, or that its author let go. */
const GONE_CODES = new Set(['base.replaced', 'base.discarded']);

let current: Chat | null = null;

/** Called once by the shell, before any space is followed. */
export function startChat(sync: Sync): Chat {
	current = new Chat(sync);
	return current;
}

export function useChat(): Chat {
	if (!current) throw new Error('startChat comes first');
	return current;
}

export class Chat {
	readonly typing: Typing;
	readonly unread: Unread;
	readonly presence = new Presence();
	/** What a provider refused to change, newest last: the screen tells it once and takes it out. */
	readonly refusals = new SvelteMap<string, string>();

	readonly waiting: Waiting;

	private readonly conversations = new Map<string, Conversation>();
	private readonly writings = new Map<string, Writing>();

	constructor(readonly sync: Sync) {
		this.typing = new Typing(sync);
		this.unread = new Unread(sync);
		this.waiting = new Waiting(sync, (message) => this.post(message));
		void this.waiting.resume();
		sync.on([...MESSAGE_KINDS], (fact, rows) => this.take(fact, rows));
		sync.on(ERASURE_ORDERED, (fact, rows) => this.erase(fact, rows));
		sync.on([CHANNEL_OPENED, CHANNEL_RENAMED], (fact) => this.unread.takeChannel(fact));
		sync.on(CHANNEL_READ, (fact) => this.unread.takeMark(fact));
		sync.onReset((space) => this.each(space, (conversation) => conversation.reload()));
		sync.onNewer(({ space, id, channel, t, waits }) => this.each(space, (one) => (!waits || one.channel === channel) && one.needsNewer({ id, t }, waits)));
		sync.onSignal('presence', (signal: Signal) => this.presence.take(signal));
		sync.onOnline(() => this.presence.forget());
		sync.onSignal('typing', (signal: Signal) => {
			this.typing.take(signal);
			if (signal.by !== null) this.presence.seen(signal.by);
		});
	}

	get me(): AccountId {
		return this.sync.me.account.id;
	}

	conversation(space: SpaceId, channel: CoreId | null): Conversation {
		const key = `${space}/${channel ?? ''}`;
		const held = this.conversations.get(key) ?? new Conversation(this.sync, space, channel);
		return keepNewest(this.conversations, key, held);
	}

	/** What is being written in a channel; it stays while the person looks elsewhere. */
	writing(space: SpaceId, channel: CoreId | null): Writing {
		const key = `${space}/${channel ?? ''}`;
		const held = this.writings.get(key) ?? new Writing(this, space, channel);
		return keepNewest(this.writings, key, held);
	}

	post({ space, channel, text, mentions, files, reply_to }: Outgoing & { files: FileRef[] }): Promise<CoreId> {
		const blobs = [...new Set(files.map((file) => file.hash))];
		const re = [channel, reply_to].filter((target) => target !== null);
		return this.sync.post(space, POSTED, { channel, text, mentions, files: files.map(plainFile), blobs, reply_to }, { re });
	}

	edit(space: SpaceId, message: string, text: string, mentions: AccountId[]): Promise<CoreId> {
		return this.sync.post(space, EDITED, { message, text, mentions }, { re: [message as CoreId] });
	}

	withdraw(space: SpaceId, row: Row): Promise<CoreId> {
		const body = { message: row.id, channel: row.channel, by: row.author === this.me ? 'author' : 'moderator' };
		return this.sync.post(space, WITHDRAWN, body, { re: [row.id as CoreId] });
	}

	react(space: SpaceId, row: Row, emoji: string): Promise<CoreId> {
		const on = !row.reactions.some((reaction) => reaction.emoji === emoji && reaction.accounts.includes(this.me));
		return this.sync.post(space, 'chat.reaction_set.1', { message: row.id, emoji, on }, { re: [row.id as CoreId] });
	}

	/** Returns the new channel's id. */
	openChannel(space: SpaceId, title: string): Promise<CoreId> {
		return this.sync.post(space, CHANNEL_OPENED, { title });
	}

	renameChannel(space: SpaceId, channel: CoreId, title: string): Promise<CoreId> {
		return this.sync.post(space, CHANNEL_RENAMED, { channel, title }, { re: [channel] });
	}

	async discard(space: SpaceId, id: string): Promise<void> {
		await this.sync.discard(id as CoreId);
		await this.sync.store.db.delete('rows', [space, ROW_KIND, id]);
		this.each(space, (conversation) => conversation.discard(id));
	}

	private take(fact: Fact, rows: RowWriter): void {
		const known = this.chatFact(fact);
		if (!known) return this.each(fact.space, (conversation) => conversation.reload());
		if (fact.replaces) this.drop(fact.space, fact.replaces, rows);
		if (fact.state === 'refused') return this.takeBack(fact, known, rows);
		const delivery = this.deliveryOf(fact);
		if (known.body !== null) this.store(known, delivery, rows);
		if (known.kind === WITHDRAWN && fact.state === 'accepted' && known.body !== null) this.sync.erased(fact.space, targetOf(known) as CoreId);
		this.each(fact.space, (conversation) => {
			conversation.apply(known, delivery);
			conversation.settle(fact.id, delivery, null);
		});
		if (known.kind !== POSTED || known.body === null) return;
		this.typing.stopped(fact.space, known.author);
		this.unread.takeMessage(fact.space, postedRow(known, null), fact.at);
	}

	private store(fact: ChatFact, delivery: Delivery, rows: RowWriter): void {
		const target = targetOf(fact);
		if (target !== null) {
			rows.update<Row>(ROW_KIND, target, (old) => old && foldRow(old, fact));
		} else if (delivery === 'pending') {
			const row = postedRow(fact, delivery);
			rows.put(ROW_KIND, fact.id, orderOf(row), row);
		} else {
			const row = postedRow(fact, delivery);
			rows.update<Row>(ROW_KIND, fact.id, (old) => (old ? { ...old, t: row.t, delivery, refusal: null } : row), orderOf(row));
		}
	}

	private takeBack(fact: Fact, known: ChatFact, rows: RowWriter): void {
		const reason = fact.detail ?? fact.code ?? '';
		const isOwn = fact.dev === this.sync.device.id;
		const isGone = GONE_CODES.has(fact.code ?? '') || (fact.code === SET_ASIDE && !isOwn && known.kind === POSTED);
		if (isGone) return this.drop(fact.space, fact.id, rows);
		if (known.kind === POSTED) {
			rows.update<Row>(ROW_KIND, fact.id, (old) => old && { ...old, delivery: 'refused', refusal: reason });
			this.each(fact.space, (conversation) => {
				conversation.apply(known, 'refused');
				conversation.settle(fact.id, 'refused', reason);
			});
			return;
		}
		if (isOwn) this.refusals.set(fact.id, reason);
		const target = targetOf(known);
		this.each(fact.space, (conversation) => {
			conversation.discard(fact.id);
			if (target) void conversation.restore(target);
		});
	}

	private drop(space: SpaceId, id: CoreId, rows: RowWriter): void {
		rows.remove(ROW_KIND, id);
		this.each(space, (conversation) => conversation.discard(id));
	}

	/** Erased before it is shown: from what this browser stores, from what is on the screen. */
	private erase(fact: Fact, rows: RowWriter): void {
		if (fact.state !== 'accepted' || fact.body === null) return;
		const erasure = fact.body as unknown as Erasure;
		rows.sweep<Row>(ROW_KIND, (row) => isErased(row, erasure));
		this.each(fact.space, (conversation) => conversation.erase(erasure));
	}

	/** Null for what nobody can be named for. */
	private chatFact(fact: Fact): ChatFact | null {
		if (fact.by === null) return null;
		return { id: fact.id, kind: fact.kind, author: fact.by, t: fact.t, stamp: fact.stamp, at: fact.at, body: fact.body };
	}

	/** Only what this device wrote has a mark; with a single provider its word is enough. */
	private deliveryOf(fact: Fact): Delivery {
		if (fact.dev !== this.sync.device.id) return null;
		if (fact.state === 'accepted') return this.sync.holders(fact.space) > 1 ? 'accepted' : null;
		return fact.state === 'pending' ? 'pending' : null;
	}

	private each(space: SpaceId, visit: (conversation: Conversation) => void): void {
		for (const conversation of this.conversations.values()) if (conversation.space === space) visit(conversation);
	}
}

function keepNewest<T>(map: Map<string, T>, key: string, value: T): T {
	map.delete(key);
	map.set(key, value);
	for (const oldest of map.keys()) {
		if (map.size <= CONVERSATIONS_MAX) break;
		map.delete(oldest);
	}
	return value;
}

function plainFile({ hash, name, type, size, width, height }: FileRef): JsonObject {
	return width && height ? { hash, name, type, size, width, height } : { hash, name, type, size };
}
