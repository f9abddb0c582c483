/**
 * The socket to the own provider: hello, heartbeat, reconnecting, frames in order, calls and submissions with an answer.
 * Knows nothing of facts: who follows what, and what entries mean, is said by Sync.
 */
import { ApiError, Offline, Refusal } from './errors';
import type { AccountId, DeviceId, Entry, LiveState, Parcel, ProviderId, SpaceId, Vector } from './types';

export const BACKOFF_MS = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000];
export const HELLO_TIMEOUT_MS = 10_000;
/** While an answer is awaited and somebody looks. */
export const PING_AWAITING_MS = 2_000;
export const PING_IDLE_MS = 20_000;
/** Nothing at all came for so long after a ping: the connection is dead. */
export const PONG_TIMEOUT_MS = 6_000;
export const ANSWER_TIMEOUT_MS = 15_000;
export const IN_FLIGHT_MAX = 12;
/** Above this the network is slower than we speak: what passes is dropped, the rest waits. */
export const BUFFERED_BYTES_MAX = 1024 * 1024;
/** So long a connection must have held before the next failure begins at zero again. */
const STABLE_MS = 5_000;

export interface Hello {
	f: 'hello';
	provider: ProviderId;
	incarnation: number;
	now: number;
	account: AccountId;
	device: DeviceId;
}

export interface Outcome {
	id: string | null;
	st: 'accepted' | 'durable' | 'refused' | 'ask';
	code?: string;
	detail?: string;
	ds?: number | null;
	dp?: string | null;
	missing?: string[];
}

export interface SignalFrame {
	f: 'signal';
	sp: SpaceId;
	k: string;
	d: unknown;
	by: AccountId | null;
}

export type Frame =
	| Hello
	| { f: 'entries'; sp: SpaceId; e: Entry[] }
	| { f: 'caught'; sp: SpaceId; v: Vector }
	| { f: 'durable'; sp: SpaceId; v: Vector }
	| SignalFrame
	| { f: 'spaces' }
	| { f: 'gone'; sp: SpaceId };

interface Problem {
	code: string;
	detail: string;
}

type Answer =
	| { f: 'ack'; n: number; r: Outcome[] }
	| { f: 'reply'; n: number; d?: unknown; e?: Problem }
	| { f: 'error'; n?: number; e: Problem };
type Passing = { f: 'pong' } | { f: 'bye'; code: string };
type SocketLike = Pick<WebSocket, 'send' | 'close' | 'readyState' | 'bufferedAmount'> & {
	onopen: unknown;
	onmessage: unknown;
	onclose: unknown;
	onerror: unknown;
};

interface Waiting {
	resolve: (value: never) => void;
	reject: (error: Error) => void;
	timer: ReturnType<typeof setTimeout>;
}

export interface LiveOptions {
	/** Opens a socket; the page's own provider unless a test says otherwise. */
	open?: () => SocketLike;
	/** Asked after failures: whether the session is still good. False ends the reconnecting. */
	stillSignedIn?: () => Promise<boolean>;
	random?: () => number;
}

export class Live {
	onFrame: (frame: Frame) => void = () => {};
	onState: (state: LiveState) => void = () => {};

	#socket: SocketLike | null = null;
	#state: LiveState = 'idle';
	#tries = 0;
	#openedAt = 0;
	#heard = 0;
	#number = 0;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#beat: ReturnType<typeof setTimeout> | undefined;
	#helloTimer: ReturnType<typeof setTimeout> | undefined;
	readonly #waiting = new Map<number, Waiting>();
	readonly #open: () => SocketLike;

	constructor(private readonly options: LiveOptions = {}) {
		this.#open = options.open ?? openOwn;
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
		this.#drop();
		this.#become(state);
	}

	/** Close and resume: what came too fast is fetched again by vector. */
	restart(): void {
		this.#socket?.close(4000, 'resume');
		this.#lost();
	}

	/** Send what needs no answer. Returns whether it went out; `passing` frames are dropped when the network is slow. */
	send(frame: object, passing = false): boolean {
		if (this.#state !== 'online' || this.#socket === null) return false;
		if (passing && this.#socket.bufferedAmount > BUFFERED_BYTES_MAX) return false;
		this.#socket.send(JSON.stringify(frame));
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
			this.#scheduleBeat();
		});
	}

	#settle(n: number): Waiting | undefined {
		const waiting = this.#waiting.get(n);
		clearTimeout(waiting?.timer);
		this.#waiting.delete(n);
		return waiting;
	}

	#connect(): void {
		this.#become(this.#tries > 2 ? 'offline' : 'connecting');
		let socket: SocketLike;
		try {
			socket = this.#open();
		} catch {
			return this.#lost();
		}
		this.#socket = socket;
		const mine = (work: (event: never) => void) => (event: unknown) => {
			if (this.#socket === socket) work(event as never);
		};
		socket.onmessage = mine((event: MessageEvent<string>) => this.#hear(event.data));
		socket.onclose = mine(() => this.#lost());
		socket.onerror = mine(() => {});
		this.#helloTimer = setTimeout(() => this.#lost(), HELLO_TIMEOUT_MS);
	}

	#hear(raw: string): void {
		this.#heard += 1;
		const frame = read(raw);
		if (frame === null) return this.restart();
		switch (frame.f) {
			case 'pong':
				return;
			case 'bye':
				return this.#bye(frame.code);
			case 'ack':
				return this.#settle(frame.n)?.resolve(frame.r as never);
			case 'reply':
			case 'error':
				return this.#answered(frame);
			case 'hello':
				this.#welcome();
		}
		this.onFrame(frame);
	}

	#answered(frame: Extract<Answer, { f: 'reply' | 'error' }>): void {
		const waiting = frame.n === undefined ? undefined : this.#settle(frame.n);
		if (frame.e !== undefined) waiting?.reject(new ApiError(frame.e.code, 400, frame.e.detail));
		else waiting?.resolve((frame as { d?: unknown }).d as never);
	}

	#welcome(): void {
		clearTimeout(this.#helloTimer);
		this.#openedAt = Date.now();
		this.#become('online');
		this.#scheduleBeat();
	}

	#bye(code: string): void {
		if (code === 'accounts.signed_out') this.stop('signed_out');
		else this.#lost();
	}

	#lost(): void {
		if (this.#state === 'idle' || this.#state === 'signed_out') return;
		const held = this.#openedAt !== 0 && Date.now() - this.#openedAt >= STABLE_MS;
		this.#drop();
		this.#tries = held ? 0 : this.#tries + 1;
		this.#become(this.#tries > 2 ? 'offline' : 'connecting');
		const wait = BACKOFF_MS[Math.min(this.#tries, BACKOFF_MS.length - 1)]! * (this.options.random ?? Math.random)();
		clearTimeout(this.#retry);
		this.#retry = setTimeout(() => void this.#again(), wait);
	}

	async #again(): Promise<void> {
		if (this.#tries > 1 && this.options.stillSignedIn && !(await this.options.stillSignedIn())) return this.stop('signed_out');
		if (this.#state !== 'idle' && this.#state !== 'signed_out' && this.#socket === null) this.#connect();
	}

	#drop(): void {
		clearTimeout(this.#helloTimer);
		clearTimeout(this.#beat);
		const socket = this.#socket;
		this.#socket = null;
		this.#openedAt = 0;
		socket?.close();
		for (const n of [...this.#waiting.keys()]) this.#settle(n)?.reject(new Offline('connection lost'));
	}

	#scheduleBeat(): void {
		clearTimeout(this.#beat);
		const visible = globalThis.document?.visibilityState !== 'hidden';
		const pause = this.#waiting.size > 0 && visible ? PING_AWAITING_MS : PING_IDLE_MS;
		this.#beat = setTimeout(() => this.#ping(), pause);
	}

	#ping(): void {
		const before = this.#heard;
		if (!this.send({ f: 'ping' })) return;
		this.#beat = setTimeout(() => {
			if (this.#heard === before) this.#lost();
			else this.#scheduleBeat();
		}, PONG_TIMEOUT_MS);
	}

	/** The network or the person is back: no waiting; a connection that looks alive is tried. */
	readonly #hurry = (): void => {
		if (globalThis.document?.visibilityState === 'hidden') return;
		if (this.#state === 'online') return this.#check();
		if (this.#socket !== null || this.#state === 'idle' || this.#state === 'signed_out') return;
		clearTimeout(this.#retry);
		this.#connect();
	};

	readonly #check = (): void => {
		if (this.#state !== 'online') return;
		clearTimeout(this.#beat);
		this.#ping();
	};

	#become(state: LiveState): void {
		if (this.#state === state) return;
		this.#state = state;
		this.onState(state);
	}
}

/** Null for what is no frame at all. */
function read(raw: string): Frame | Answer | Passing | null {
	try {
		const frame = JSON.parse(raw) as Frame | Answer | Passing | null;
		if (frame === null || typeof frame !== 'object') return null;
		if (frame.f === 'entries' && !Array.isArray(frame.e)) return null;
		return frame;
	} catch {
		return null;
	}
}

function openOwn(): WebSocket {
	const { protocol, host } = globalThis.location;
	return new WebSocket(`${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/live`);
}
