/**
 * The stretch of a conversation that is held: rows in order, without a gap, bounded. Merges the server's answers, facts as
 * they arrive and what this device wrote. Pure: knows neither the network nor the screen.
 */
import { foldRow, isErased, postedRow, POSTED, targetOf, tombstone, WITHDRAWN, type ChatFact, type Erasure } from './fold';
import { compareOrder, rowOf, type Delivery, type Message, type Row } from './message';

export const ROWS_MAX = 400;
/** Facts remembered while an answer is under way; more than that and the answer is asked for again. */
export const IN_FLIGHT_MAX = 500;
/** Erased messages whose withdrawal has not come yet. */
export const ERASED_MAX = 200;

export interface Answer {
	messages: Message[];
	more_before: boolean;
	more_after: boolean;
}

interface Own {
	fact: ChatFact;
	delivery: Delivery;
	refusal: string | null;
}

/** Where an answer belongs; `refresh` is inside what is held. */
export type Side = 'before' | 'after' | 'whole' | 'refresh';

export class MessageWindow {
	rows: readonly Row[] = [];
	moreBefore = true;
	moreAfter = false;
	/** Messages that came while the window did not reach the newest. */
	missed = 0;
	/** Whether somebody reads further up: then what is cut off is at the newest end. */
	readsOlder = false;

	private readonly index = new Map<string, Row>();
	private readonly own = new Map<string, Own>();
	private readonly erased = new Map<string, ChatFact>();
	private readonly erasures: Erasure[] = [];
	private inFlight: ChatFact[] | null = null;

	constructor(
		readonly channel: string | null,
		private readonly rowsMax = ROWS_MAX
	) {}

	get(id: string): Row | undefined {
		return this.index.get(id);
	}

	/** Take one fact in; returns whether anything on the screen changes. */
	apply(fact: ChatFact, delivery: Delivery = null): boolean {
		this.inFlight?.push(fact);
		if (delivery === 'accepted' && this.isSettled(fact.id)) return false;
		if (delivery === null) this.own.delete(fact.id);
		else this.own.set(fact.id, { fact, delivery, refusal: null });
		return this.fold(fact, delivery);
	}

	/** What became of something this device wrote. */
	settle(factId: string, delivery: Delivery, refusal: string | null = null): boolean {
		if (delivery === 'accepted' && this.isSettled(factId)) return false;
		const own = this.own.get(factId);
		if (own) {
			if (delivery === null) this.own.delete(factId);
			else Object.assign(own, { delivery, refusal });
		}
		const row = this.index.get(factId);
		if (!row || (row.delivery === delivery && row.refusal === refusal)) return false;
		this.put({ ...row, delivery, refusal });
		return true;
	}

	/** A message that no longer needs a mark does not get one back by news that comes late. */
	private isSettled(id: string): boolean {
		return this.index.get(id)?.delivery === null;
	}

	/** Forget something that was refused. */
	discard(factId: string): boolean {
		this.own.delete(factId);
		if (!this.index.delete(factId)) return false;
		this.rows = this.rows.filter((row) => row.id !== factId);
		return true;
	}

	/** Everything that somebody wrote up to a time goes: what is held, and what comes from now on. */
	erase(erasure: Erasure): boolean {
		this.erasures.push(erasure);
		for (const [id, { fact }] of this.own) if (isErased({ author: fact.author, t: fact.t, withdrawn: false }, erasure)) this.own.delete(id);
		const before = this.index.size;
		for (const row of this.rows) if (isErased(row, erasure)) this.index.delete(row.id);
		this.sort();
		return this.index.size < before;
	}

	/** From here on facts are remembered until `absorb`: the answer may or may not contain them. */
	awaitAnswer(): void {
		this.inFlight ??= [];
	}

	/** No answer came. */
	stopWaiting(): void {
		this.inFlight = null;
	}

	/** Take the server's rows in, and what it cannot know yet on top of them. Returns false when it must be asked again. */
	absorb(answer: Answer, side: Side): boolean {
		const later = this.inFlight ?? [];
		this.inFlight = null;
		if (later.length > IN_FLIGHT_MAX) return false;
		if (side === 'whole') this.clear();
		for (const message of answer.messages) {
			if (side !== 'refresh' || this.index.has(message.id)) this.merge(message, side === 'refresh');
		}
		if (side === 'whole' || side === 'before') this.moreBefore = answer.more_before;
		if (side === 'whole' || side === 'after') this.moreAfter = answer.more_after;
		if (!this.moreAfter) this.missed = 0;
		this.sort();
		for (const fact of later) if (!this.own.has(fact.id)) this.fold(fact, null);
		for (const { fact, delivery, refusal } of this.own.values()) {
			this.fold(fact, delivery);
			this.settle(fact.id, delivery, refusal);
		}
		this.trim(side === 'before' ? 'newest' : 'oldest');
		return true;
	}

	/** Let go of all but the newest rows. Returns false where the newest are not held. */
	keepNewest(count: number): boolean {
		if (this.moreAfter) return false;
		this.trim('oldest', count);
		return true;
	}

	private clear(): void {
		this.index.clear();
		this.rows = [];
	}

	/** The later text wins, unless the answer is what it goes back to. */
	private merge(message: Message, back: boolean): void {
		const held = this.index.get(message.id);
		const row = rowOf(message);
		if (this.erasures.some((one) => isErased(row, one))) return;
		if (held && !back && held.stamp > row.stamp && !row.withdrawn) {
			this.index.set(row.id, { ...row, text: held.text, mentions: held.mentions, edited: held.edited, stamp: held.stamp });
		} else {
			this.index.set(row.id, held ? { ...row, delivery: held.delivery } : row);
		}
	}

	private fold(fact: ChatFact, delivery: Delivery): boolean {
		if (fact.kind === POSTED) return fact.body === null ? this.rememberErased(fact) : this.insert(postedRow(fact, delivery));
		const target = targetOf(fact);
		if (target === null) return false;
		const held = this.index.get(target);
		if (!held) return this.insertTombstone(target, fact);
		const next = foldRow(held, fact);
		if (next === held) return false;
		this.put(next);
		return true;
	}

	private rememberErased(fact: ChatFact): boolean {
		this.erased.set(fact.id, fact);
		for (const oldest of this.erased.keys()) {
			if (this.erased.size <= ERASED_MAX) break;
			this.erased.delete(oldest);
		}
		return false;
	}

	private insertTombstone(target: string, fact: ChatFact): boolean {
		const posted = fact.kind === WITHDRAWN ? this.erased.get(target) : undefined;
		const row = posted && tombstone(posted, fact);
		return row !== undefined && row.withdrawn && this.insert(row);
	}

	private insert(row: Row): boolean {
		if (row.channel !== this.channel || this.erasures.some((one) => isErased(row, one))) return false;
		const held = this.index.get(row.id);
		if (held) return this.settle(row.id, row.delivery);
		if (!this.covers(row)) {
			if (row.delivery === null) this.missed += 1;
			return row.delivery === null;
		}
		this.index.set(row.id, row);
		this.sort();
		this.trim(this.readsOlder ? 'newest' : 'oldest');
		return true;
	}

	/** Whether a message of this place belongs into the held stretch, which has no gaps. */
	private covers(row: Row): boolean {
		const first = this.rows[0];
		const last = this.rows[this.rows.length - 1];
		if (!first || !last) return !this.moreAfter;
		if (compareOrder(row, first) < 0 && this.moreBefore) return false;
		return compareOrder(row, last) < 0 || !this.moreAfter;
	}

	private put(row: Row): void {
		this.index.set(row.id, row);
		this.rows = this.rows.map((other) => (other.id === row.id ? row : other));
	}

	private sort(): void {
		this.rows = [...this.index.values()].sort(compareOrder);
	}

	private trim(end: 'oldest' | 'newest', max = this.rowsMax): void {
		const surplus = this.rows.length - max;
		if (surplus <= 0) return;
		const gone = end === 'oldest' ? this.rows.slice(0, surplus) : this.rows.slice(-surplus);
		this.rows = end === 'oldest' ? this.rows.slice(surplus) : this.rows.slice(0, -surplus);
		for (const row of gone) this.index.delete(row.id);
		if (end === 'oldest') this.moreBefore = true;
		else this.moreAfter = true;
	}
}
