/** Where the call is: one connection to its provider, another ready to the next, and the way on when it is gone. */
import { ApiError, Offline, type ProviderId, type SignalFrame, type Sync } from '$lib/base';
import { CallLine } from './line';
import { placesAfter } from './places';
import type { ElsewhereAnswer, Joined } from './wire';

/** So long a provider has to greet. */
const OPEN_MS = 2_500;
/** Media has stalled: so long the provider has to say that it lives. Otherwise it is asked now and then. */
const DOUBT_MS = 600;
const CALM_MS = 4_000;
const CALM_PAUSE_MS = 5_000;
const DOUBT_PAUSE_MS = 1_000;
const SPARE_AFTER_MS = 1_000;
const SPARE_RETRY_MS = 10_000;
const BACKOFF_MS = [0, 250, 500, 1_000];
const LOOK_MS = 40;
/** Providers may send one on; not for ever. */
const HOPS_MAX = 4;
/** So often everybody who answers may say no before that is taken for the answer. */
const REFUSALS_MAX = 3;

export interface Seated {
	/** Asks to be let in, or back in; `isSame`: at the provider where one was. */
	request: (isSame: boolean) => object;
	/** In: at another provider than before, or at the same. */
	entered: (joined: Joined, isSame: boolean) => void;
	/** Not in: the connection is gone. */
	left: () => void;
	/** Everybody says no. */
	refused: () => void;
	hear: (signal: SignalFrame) => void;
	/** The provider is away: whether media still comes. */
	flows: () => boolean;
	/** The provider is there: whether media came and comes no more. */
	stalled: () => boolean;
}

export class Seat {
	place: ProviderId;
	private line: CallLine | null = null;
	private spare: CallLine | null = null;
	private spareTimer: ReturnType<typeof setTimeout> | undefined;
	private isSeeking = false;
	private isOver = false;
	private isAsking = false;
	private askedAt = 0;
	/** The call was said to be there now. */
	private told: ProviderId | null = null;

	constructor(
		private readonly sync: Pick<Sync, 'here' | 'places' | 'line'>,
		private readonly of: Seated,
		place: ProviderId | null
	) {
		this.place = place ?? sync.here;
	}

	/** For the first time: at its provider, else at the next. Rejects with what the first provider that answered said. */
	async begin(): Promise<void> {
		let refusal: unknown = null;
		const gone: ProviderId[] = [];
		const order = placesAfter(this.place, this.sync.places);
		for (const place of [order.pop()!, ...order]) {
			try {
				if (await this.enterAt(place, gone)) return;
				gone.push(place);
			} catch (error) {
				refusal ??= error;
			}
		}
		throw refusal ?? new Offline();
	}

	readonly ask = <T>(method: string, data: unknown): Promise<T> => this.line?.ask<T>(method, data) ?? Promise.reject(new Offline());

	/** The call goes on there. */
	follow(place: ProviderId): void {
		if (place === this.place && this.line?.isOpen) return;
		this.told = place;
		this.drop();
		void this.seek();
	}

	/** Often: whether the provider still lives, asked at once where media has stalled. */
	look(now: number): void {
		const line = this.line;
		if (line === null || this.isAsking) return;
		const inDoubt = this.of.stalled();
		if (now - this.askedAt < (inDoubt ? DOUBT_PAUSE_MS : CALM_PAUSE_MS)) return;
		this.askedAt = now;
		this.isAsking = true;
		void line.answers(inDoubt ? DOUBT_MS : CALM_MS).then((isAlive) => {
			this.isAsking = false;
			if (isAlive || line !== this.line) return;
			this.drop();
			void this.seek();
		});
	}

	end(): void {
		this.isOver = true;
		clearTimeout(this.spareTimer);
		this.drop();
		this.spare?.close();
	}

	/** Nobody waits: out of the call, then the connection ends. */
	bye(): void {
		const line = this.line;
		this.line = null;
		void line?.ask('meet.leave', {}).catch(() => undefined).then(() => line.close());
		this.end();
	}

	private drop(): void {
		this.line?.close();
		this.line = null;
	}

	/** While media flows only its own provider is tried: it may be back in a moment, and nobody was interrupted. */
	private async seek(): Promise<void> {
		if (this.isSeeking || this.isOver) return;
		this.isSeeking = true;
		this.of.left();
		let refusals = 0;
		for (let tries = 0; !this.isOver; tries += 1) {
			const found = await this.round();
			if (found === 'in' || this.isOver) break;
			refusals = found === 'refused' ? refusals + 1 : 0;
			if (refusals >= REFUSALS_MAX) {
				this.of.refused();
				break;
			}
			await this.pause(BACKOFF_MS[Math.min(tries, BACKOFF_MS.length - 1)]!);
		}
		this.isSeeking = false;
	}

	private async round(): Promise<'in' | 'refused' | 'nobody'> {
		const told = this.told;
		this.told = null;
		const isAttached = told === null && this.of.flows();
		const order = isAttached ? [this.place] : placesAfter(this.place, this.sync.places);
		let found: 'refused' | 'nobody' = 'nobody';
		for (const place of told === null ? order : [told, ...order.filter((one) => one !== told)]) {
			const gone = place === this.place || place === told ? [] : [this.place];
			try {
				if (await this.enterAt(place, gone)) return 'in';
			} catch {
				found = 'refused';
			}
			if (this.isOver) break;
		}
		return found;
	}

	/** False where nobody answers. Raises ApiError where the provider says no. */
	private async enterAt(first: ProviderId, gone: readonly ProviderId[]): Promise<boolean> {
		let place = first;
		for (let hop = 0; hop < HOPS_MAX; hop += 1) {
			const line = await this.reach(place);
			if (line === null) return false;
			const isSame = place === this.place;
			const early: SignalFrame[] = [];
			line.onSignal = (signal) => early.push(signal);
			try {
				const joined = await line.ask<Joined | ElsewhereAnswer>('meet.join', { ...this.of.request(isSame), gone });
				if (this.isOver) return line.close(), false;
				if (!('elsewhere' in joined)) return this.take(line, joined, isSame, early);
				line.close();
				if (joined.elsewhere === place) return false;
				place = joined.elsewhere;
			} catch (error) {
				line.close();
				if (error instanceof ApiError) throw error;
				return false;
			}
		}
		return false;
	}

	private take(line: CallLine, joined: Joined, isSame: boolean, early: SignalFrame[]): true {
		this.drop();
		this.line = line;
		this.place = line.place;
		line.onEnd = () => {
			if (this.line !== line) return;
			this.line = null;
			void this.seek();
		};
		line.onSignal = (signal) => this.hear(signal);
		this.of.entered(joined, isSame);
		for (const signal of early) this.hear(signal);
		if (!line.isOpen) line.onEnd();
		this.prepare(SPARE_AFTER_MS);
		return true;
	}

	private hear(signal: SignalFrame): void {
		if (signal.k === 'meet.moved') this.follow((signal.d as { to: ProviderId }).to);
		else this.of.hear(signal);
	}

	private async reach(place: ProviderId): Promise<CallLine | null> {
		const spare = this.spare;
		if (spare?.place === place) {
			this.spare = null;
			if (spare.isOpen) return spare;
			spare.close();
		}
		const line = this.makeLine(place);
		if (line === null) return null;
		const isOpen = await Promise.race([line.opened, after(OPEN_MS).then(() => false)]);
		if (isOpen && !this.isOver) return line;
		line.close();
		return null;
	}

	private makeLine(place: ProviderId): CallLine | null {
		const line = this.sync.line(place);
		return line === null ? null : new CallLine(place, line);
	}

	/** A connection to the provider where everybody would meet again: signed in and open before it is needed. */
	private prepare(ms: number): void {
		clearTimeout(this.spareTimer);
		this.spareTimer = setTimeout(() => {
			const next = placesAfter(this.place, this.sync.places)[0]!;
			if (this.isOver || next === this.place || (this.spare?.place === next && this.spare.isOpen)) return;
			this.spare?.close();
			const spare = (this.spare = this.makeLine(next));
			if (spare === null) return;
			spare.onEnd = () => {
				if (this.spare !== spare) return;
				this.spare = null;
				this.prepare(SPARE_RETRY_MS);
			};
		}, ms);
	}

	/** Ends early when media stalls. */
	private async pause(ms: number): Promise<void> {
		const flowed = this.of.flows();
		for (let left = ms; left > 0 && !this.isOver && this.told === null; left -= LOOK_MS) {
			await after(LOOK_MS);
			if (flowed && !this.of.flows()) return;
		}
	}
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
