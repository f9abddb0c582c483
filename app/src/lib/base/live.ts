/**
 * The connection to a provider: heartbeat, reconnecting, frames in order, calls and submissions with an answer. The page's
 * own provider comes first; where it does not answer, another that holds the same spaces takes its place, and gives it
 * back. Knows nothing of facts: who follows what, and what entries mean, is said by Sync.
 */
import { ApiError, Offline, Refusal } from './errors';
import type { Answer, Frame, Outcome, SocketLike } from './frames';
import { Line } from './line';
import { Race } from './race';
import { Standby } from './standby';
import type { Host, LiveState, Parcel } from './types';

export type { Frame, Hello, Outcome, SignalFrame } from './frames';

export const BACKOFF_MS = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000];
/** While an answer is awaited and somebody looks. */
export const PING_AWAITING_MS = 2_000;
export const PING_IDLE_MS = 20_000;
/** While somebody looks and there is another provider to go to: the first ping; then one every DOUBT_MS. */
export const PING_WATCHED_MS = 1_000;
/** So long without an answer, and another provider is asked whether it is there. */
export const DOUBT_MS = 1_000;
/** Nothing at all came for so long after a ping: the connection is dead. */
export const PONG_TIMEOUT_MS = 6_000;
export const ANSWER_TIMEOUT_MS = 15_000;
export const IN_FLIGHT_MAX = 12;
/** Above this the network is slower than we speak: what passes is dropped, the rest waits. */
export const BUFFERED_BYTES_MAX = 1024 * 1024;
/** So long a connection must have held before the next failure begins at zero again. */
const STABLE_MS = 5_000;

interface Waiting {
	resolve: (value: never) => void;
	reject: (error: Error) => void;
	timer: ReturnType<typeof setTimeout>;
}

export interface LiveOptions {
	/** Opens a socket to the page's own provider. */
	open?: () => SocketLike;
	/** The other providers that hold the same spaces, in order. */
	others?: () => readonly Host[];
	openAt?: (host: Host) => Promise<SocketLike>;
	/** Done before the page's own provider is tried while another stands in: it may know no session of before. */
	comeHome?: () => Promise<void>;
	/** Asked after failures: whether the session is still good. False ends the reconnecting. */
	stillSignedIn?: () => Promise<boolean>;
	random?: () => number;
}

export class Live {
	onFrame: (frame: Frame) => void = () => {};
	onState: (state: LiveState) => void = () => {};
	/** Told before the first frame of another provider than before; null is the page's own. */
	onHost: (host: Host | null) => void = () => {};

	#line: Line | null = null;
	#race: Race | null = null;
	#host: Host | null = null;
	#state: LiveState = 'idle';
	#tries = 0;
	#openedAt = 0;
	#number = 0;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#beat: ReturnType<typeof setTimeout> | undefined;
	/** How much had been heard at the last ping. */
	#heardBefore = -1;
	readonly #waiting = new Map<number, Waiting>();
	readonly #standby: Standby;

	constructor(private readonly options: LiveOptions = {}) {
		this.#standby = new Standby((host) => this.makeLine(host), (line) => this.#take(line), options.random);
	}

	get state(): LiveState {
		return this.#state;
	}

	start(): void {
		if (this.#state !== 'idle') return;
		globalThis.addEventListener?.('online', this.#hurry);
		globalThis.addEventListener?.('offline', this.#check);
		globalThis.document?.addEventListener('visibilitychange', this.#hurry);
		this.#connect();
	}

	stop(state: 'idle' | 'signed_out' = 'idle'): void {
		globalThis.removeEventListener?.('online', this.#hurry);
		globalThis.removeEventListener?.('offline', this.#check);
		globalThis.document?.removeEventListener('visibilitychange', this.#hurry);
		clearTimeout(this.#retry);
		this.#standby.stop();
		this.#drop();
		this.#become(state);
	}

	/** Close and resume: what came too fast is fetched again by vector. */
	restart(): void {
		this.#standby.stop();
		this.#lost();
	}

	/** Send what needs no answer. Returns whether it went out; `passing` frames are dropped when the network is slow. */
	send(frame: object, passing = false): boolean {
		if (this.#state !== 'online' || this.#line === null) return false;
		if (passing && this.#line.buffered > BUFFERED_BYTES_MAX) return false;
		this.#line.send(frame);
		return true;
	}

	/** What became of each parcel, in order. Raises Offline, ApiError. */
	submit(parcels: readonly Parcel[]): Promise<Outcome[]> {
		return this.#ask<Outcome[]>((n) => ({ f: 'submit', n, p: parcels }), ANSWER_TIMEOUT_MS);
	}

	/** Raises Offline, ApiError. */
	call<T>(method: string, data: unknown, timeoutMs = ANSWER_TIMEOUT_MS): Promise<T> {
		return this.#ask<T>((n) => ({ f: 'call', n, m: method, d: data }), timeoutMs);
	}

	#ask<T>(frame: (n: number) => object, timeoutMs: number): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			if (this.#waiting.size >= IN_FLIGHT_MAX) return reject(new Refusal('base.too_busy'));
			const n = (this.#number += 1);
			if (!this.send(frame(n))) return reject(new Offline());
			const timer = setTimeout(() => this.#settle(n)?.reject(new Refusal('base.timed_out')), timeoutMs);
			this.#waiting.set(n, { resolve, reject, timer });
			if (this.#others.length > 0) this.#check();
			else if (this.#waiting.size === 1) this.#scheduleBeat();
		});
	}

	#settle(n: number): Waiting | undefined {
		const waiting = this.#waiting.get(n);
		clearTimeout(waiting?.timer);
		this.#waiting.delete(n);
		return waiting;
	}

	get #others(): readonly Host[] {
		return this.options.others?.() ?? [];
	}

	#connect(): void {
		this.#become(this.#tries > 2 ? 'offline' : 'connecting');
		this.#run([null, ...this.#others]);
	}

	/** `isWanted` is asked when one of them has won. */
	#run(hosts: readonly (Host | null)[], isWanted = (): boolean => true): void {
		this.#race?.stop();
		this.#race = new Race(
			hosts.map((host) => () => this.makeLine(host)),
			(line) => {
				this.#race = null;
				if (isWanted()) this.#take(line);
				else line.end();
			},
			(code) => {
				this.#race = null;
				if (this.#line === null) this.#lost(code);
			}
		);
	}

	/** A connection that is not this one; null: to the page's own provider. */
	makeLine(host: Host | null): Line {
		const { open = openOwn, openAt, comeHome } = this.options;
		const home = comeHome && this.#host !== null ? () => comeHome().then(open) : open;
		return new Line(host, () => (host === null ? home() : openAt!(host)));
	}

	/** From here on this is the connection. */
	#take(line: Line): void {
		this.#drop();
		this.#line = line;
		line.onFrame = (frame) => this.#hear(frame);
		line.onEnd = (code) => {
			if (this.#line === line) this.#lost(line.host === null ? code : undefined);
		};
		this.#openedAt = Date.now();
		this.#heardBefore = -1;
		if (this.#state === 'online') this.#become('connecting');
		if (line.host?.url !== this.#host?.url) this.onHost((this.#host = line.host));
		this.#become('online');
		this.#scheduleBeat();
		this.#standby.prepare(line.host === null ? this.#others : [null]);
		this.onFrame(line.greeting());
	}

	#hear(frame: Frame | Answer): void {
		switch (frame.f) {
			case 'ack':
				return this.#settle(frame.n)?.resolve(frame.r as never);
			case 'reply':
			case 'error':
				return this.#answered(frame);
			default:
				this.onFrame(frame);
		}
	}

	#answered(frame: Extract<Answer, { f: 'reply' | 'error' }>): void {
		const waiting = frame.n === undefined ? undefined : this.#settle(frame.n);
		if (frame.e !== undefined) waiting?.reject(new ApiError(frame.e.code, 400, frame.e.detail));
		else waiting?.resolve((frame as { d?: unknown }).d as never);
	}

	#lost(code?: string): void {
		if (this.#state === 'idle' || this.#state === 'signed_out') return;
		if (code === 'accounts.signed_out') return this.stop('signed_out');
		const held = this.#openedAt !== 0 && Date.now() - this.#openedAt >= STABLE_MS;
		this.#drop();
		const ready = this.#standby.give();
		if (ready !== null) return this.#take(ready);
		this.#tries = held ? 0 : this.#tries + 1;
		this.#become(this.#tries > 2 ? 'offline' : 'connecting');
		const wait = BACKOFF_MS[Math.min(this.#tries, BACKOFF_MS.length - 1)]! * (this.options.random ?? Math.random)();
		clearTimeout(this.#retry);
		this.#retry = setTimeout(() => void this.#again(), wait);
	}

	async #again(): Promise<void> {
		const asking = this.#tries > 1 ? this.options.stillSignedIn?.().then((isGood) => isGood || this.stop('signed_out')) : undefined;
		// Where another provider may answer, nobody waits for one that does not.
		if (this.#others.length === 0) await asking;
		if (this.#state !== 'idle' && this.#state !== 'signed_out' && this.#line === null && this.#race === null) this.#connect();
	}

	#drop(): void {
		clearTimeout(this.#beat);
		clearTimeout(this.#retry);
		this.#race?.stop();
		this.#race = null;
		const line = this.#line;
		this.#line = null;
		this.#openedAt = 0;
		line?.end();
		for (const n of [...this.#waiting.keys()]) this.#settle(n)?.reject(new Offline('connection lost'));
	}

	/** Somebody looks, and there is another provider to go to. */
	get #isWatched(): boolean {
		return isSeen() && this.#others.length > 0;
	}

	#scheduleBeat(): void {
		clearTimeout(this.#beat);
		const pause = this.#isWatched ? PING_WATCHED_MS : this.#waiting.size > 0 && isSeen() ? PING_AWAITING_MS : PING_IDLE_MS;
		this.#beat = setTimeout(() => this.#ping(), pause);
	}

	#ping(): void {
		const line = this.#line;
		const before = line?.heard;
		if (line === null || !this.send({ f: 'ping' })) return;
		this.#heardBefore = line.heard;
		const isQuiet = (): boolean => this.#line === line && line.heard === before;
		const [first, second] = this.#others.length > 0 ? [DOUBT_MS, PONG_TIMEOUT_MS - DOUBT_MS] : [PONG_TIMEOUT_MS, 0];
		this.#beat = setTimeout(() => {
			if (!isQuiet()) return this.#isWatched ? this.#ping() : this.#scheduleBeat();
			if (second === 0) return this.#lost();
			this.#beat = setTimeout(() => (isQuiet() ? this.#lost() : this.#scheduleBeat()), second);
			void this.#doubt(line, isQuiet);
		}, first);
	}

	/** It may be gone, or the network here is: whoever else answers first takes its place, unless it speaks before. */
	async #doubt(line: Line, isQuiet: () => boolean): Promise<void> {
		if (await this.#standby.answers(DOUBT_MS)) {
			const ready = isQuiet() ? this.#standby.give() : null;
			if (ready !== null) this.#take(ready);
			return;
		}
		if (!isQuiet()) return;
		const others = line.host === null ? this.#others : [null, ...this.#others.filter((host) => host.url !== line.host!.url)];
		this.#run(others, isQuiet);
	}

	/** The network or the person is back: no waiting; a connection that looks alive is tried. */
	readonly #hurry = (): void => {
		if (!isSeen()) return;
		if (this.#state === 'online') return this.#check();
		if (this.#race !== null || this.#state === 'idle' || this.#state === 'signed_out') return;
		clearTimeout(this.#retry);
		this.#connect();
	};

	readonly #check = (): void => {
		// Who writes on and on does not put off the doubt.
		if (this.#state !== 'online' || this.#line?.heard === this.#heardBefore) return;
		clearTimeout(this.#beat);
		this.#ping();
	};

	#become(state: LiveState): void {
		if (this.#state === state) return;
		this.#state = state;
		this.onState(state);
	}
}

function isSeen(): boolean {
	return globalThis.document?.visibilityState !== 'hidden';
}

function openOwn(): WebSocket {
	const { protocol, host } = globalThis.location;
	return new WebSocket(`${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/live`);
}
