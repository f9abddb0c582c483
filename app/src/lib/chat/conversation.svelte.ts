/** One channel of a space as the screen shows it: what is held, what is being loaded, what is unread. */
import { api, type CoreId, type SpaceId, type Sync, type Vector } from '$lib/base';
import { POSTED, type ChatFact, type Erasure } from './fold';
import { orderOf, type Delivery, type Message, type Row } from './message';
import { MessageWindow, type Answer, type Side } from './window';

export const PAGE = 50;
export const CACHED_MAX = 200;
export const ROW_KIND = 'chat.message';
const TRIES_MAX = 2;

interface PageAnswer extends Answer {
	vector: Vector;
	beyond?: { id: CoreId; t: string }[];
}

export class Conversation {
	rows = $state.raw<readonly Row[]>([]);
	/** `cached`: what this browser had; `ready`: the provider has answered since. */
	phase = $state<'empty' | 'cached' | 'ready' | 'failed'>('empty');
	moreBefore = $state(false);
	moreAfter = $state(false);
	missed = $state(0);
	loadingOlder = $state(false);
	olderFailed = $state(false);
	/** The order of the last message that was read when this was opened; null for no line. */
	unreadAfter = $state<string | null>(null);

	/** What only a newer release of the provider, or of this app, can show of this conversation. */
	beyond = $state.raw<ReadonlyMap<string, { id: string; t: string }>>(new Map());

	/** On the screen. */
	shown = false;

	private readonly window: MessageWindow;
	private queue: Promise<unknown> = Promise.resolve();
	private stale = true;
	private reloading = false;

	constructor(
		private readonly sync: Sync,
		readonly space: SpaceId,
		readonly channel: CoreId | null
	) {
		this.window = new MessageWindow(channel);
	}

	get(id: string): Row | undefined {
		return this.window.get(id);
	}

	/** Show what is held at once, then what the provider says. */
	async open(): Promise<void> {
		if (!this.stale) return;
		if (this.rows.length === 0) await this.showCached();
		if (this.window.moreAfter) return;
		await this.load({}, 'whole');
	}

	/** What is held may have a gap now: ask again, at once when it is on the screen. */
	reload(): void {
		this.stale = true;
		if (!this.shown || this.reloading) return;
		this.reloading = true;
		void this.open().finally(() => (this.reloading = false));
	}

	async older(): Promise<void> {
		const first = this.window.rows.find((row) => row.delivery === null);
		if (this.loadingOlder || !this.window.moreBefore || !first) return;
		this.loadingOlder = true;
		this.olderFailed = !(await this.load({ before: orderOf(first) }, 'before'));
		this.loadingOlder = false;
	}

	async newer(): Promise<void> {
		const last = this.window.rows.findLast((row) => row.delivery === null);
		if (!this.window.moreAfter || !last) return;
		await this.load({ after: orderOf(last) }, 'after');
	}

	/** Go to the newest; nothing is asked for when it is held already. */
	async newest(): Promise<void> {
		if (this.window.moreAfter) await this.load({}, 'whole');
	}

	/** Hold a message and what stands around it. Returns whether it is here. */
	async around(id: string): Promise<boolean> {
		if (this.window.get(id)) return true;
		await this.load({ around: id }, 'whole');
		return this.window.get(id) !== undefined;
	}

	/** A fact that only a newer release can show came, or can be shown now. */
	needsNewer(fact: { id: string; t: string }, waits: boolean): void {
		if (this.beyond.has(fact.id) === waits) return;
		const beyond = new Map(this.beyond);
		if (waits) beyond.set(fact.id, fact);
		else beyond.delete(fact.id);
		this.beyond = beyond;
	}

	apply(fact: ChatFact, delivery: Delivery): void {
		if (this.window.apply(fact, delivery)) this.publish();
	}

	settle(id: string, delivery: Delivery, refusal: string | null): void {
		if (this.window.settle(id, delivery, refusal)) this.publish();
	}

	erase(erasure: Erasure): void {
		if (this.window.erase(erasure)) this.publish();
		this.reload();
	}

	discard(id: string): void {
		if (this.window.discard(id)) this.publish();
	}

	/** A change was refused: the message stands again as the provider has it. */
	async restore(id: string): Promise<void> {
		if (this.window.get(id)) await this.load({ around: id }, this.window.moreAfter ? 'whole' : 'refresh');
	}

	readOlder(reading: boolean): void {
		this.window.readsOlder = reading;
	}

	/** It left the screen: hold no more than opening it again needs. */
	rest(): void {
		this.shown = false;
		this.window.readsOlder = false;
		if (this.window.keepNewest(PAGE)) this.publish();
		else this.forget();
	}

	/** What is held ends before the newest: next time begins there anew. */
	private forget(): void {
		this.stale = true;
		this.phase = 'empty';
		this.window.absorb({ messages: [], more_before: true, more_after: false }, 'whole');
		this.publish();
	}

	private async showCached(): Promise<void> {
		const cached = await this.sync.rows<Row>(this.space, ROW_KIND, { limit: CACHED_MAX });
		const messages = cached.map((row) => row.value).filter((row) => row.channel === this.channel);
		if (messages.length === 0 || this.rows.length > 0) return;
		this.window.absorb({ messages, more_before: true, more_after: false }, 'whole');
		for (const row of messages) if (row.delivery !== null) this.adopt(row);
		this.phase = 'cached';
		this.publish();
	}

	/** A message of this device that no provider had when the page was left. */
	private adopt(row: Row): void {
		const fact = { id: row.id, kind: POSTED, author: row.author, t: row.t, stamp: row.stamp, at: null };
		this.window.apply({ ...fact, body: { ...row } }, row.delivery);
		this.window.settle(row.id, row.delivery, row.refusal);
	}

	private load(query: Record<string, string>, side: Side): Promise<boolean> {
		const turn = this.queue.then(() => this.ask(query, side));
		this.queue = turn.catch(() => undefined);
		return turn;
	}

	private async ask(query: Record<string, string>, side: Side): Promise<boolean> {
		const path = `/api/spaces/${this.space}/messages`;
		const channel = this.channel === null ? {} : { channel: this.channel };
		for (let tries = 0; tries < TRIES_MAX; tries += 1) {
			this.window.awaitAnswer();
			let answer: PageAnswer;
			try {
				answer = await api.get<PageAnswer>(path, { query: { ...channel, ...query, limit: String(PAGE) } });
			} catch {
				this.window.stopWaiting();
				if (this.phase === 'empty') this.phase = 'failed';
				return false;
			}
			if (this.window.absorb(answer, side)) return this.took(answer, side, query);
		}
		return false;
	}

	private took(answer: PageAnswer, side: Side, query: Record<string, string>): true {
		for (const fact of answer.beyond ?? []) this.needsNewer(fact, true);
		this.phase = 'ready';
		if (side === 'whole' && Object.keys(query).length === 0) {
			this.stale = false;
			void this.keep(answer.messages, answer.vector);
		}
		this.publish();
		return true;
	}

	/** Keep the newest page in this browser, so that it is there at once next time and without a network. */
	private async keep(messages: readonly Message[], vector: Vector): Promise<void> {
		const rows = messages.map((message) => ({
			space: this.space,
			kind: ROW_KIND,
			id: message.id,
			stamp: orderOf(message),
			value: this.window.get(message.id)
		}));
		await this.sync.seed(this.space, rows.filter((row) => row.value !== undefined), vector);
	}

	private publish(): void {
		this.rows = this.window.rows;
		this.moreBefore = this.window.moreBefore;
		this.moreAfter = this.window.moreAfter;
		this.missed = this.window.missed;
	}
}
