/** A connection of the call's own to one provider: asks, is answered, hears what is told to whoever is in the call. */
import { ApiError, Offline, Refusal, type Line, type ProviderId, type SignalFrame } from '$lib/base';

const ANSWER_MS = 10_000;
const WAITING_MAX = 32;
const PING_MS = 20_000;

interface Waiting {
	resolve: (value: never) => void;
	reject: (error: Error) => void;
	timer: ReturnType<typeof setTimeout>;
}

export class CallLine {
	onSignal: (signal: SignalFrame) => void = () => {};
	onEnd: () => void = () => {};
	/** Whether the provider greeted; false when it does not come to that. */
	readonly opened: Promise<boolean>;
	private readonly waiting = new Map<number, Waiting>();
	private number = 0;
	private readonly beat: ReturnType<typeof setInterval>;

	constructor(
		readonly place: ProviderId,
		private readonly line: Line
	) {
		line.onFrame = (frame) => {
			if (frame.f === 'signal') this.onSignal(frame);
			else if (frame.f === 'reply' || frame.f === 'error') this.answered(frame.n, frame.e, 'd' in frame ? frame.d : undefined);
		};
		this.opened = new Promise((resolve) => {
			line.onHello = () => resolve(true);
			line.onEnd = () => {
				resolve(false);
				this.ended();
			};
		});
		this.beat = setInterval(() => line.isOpen && line.send({ f: 'ping' }), PING_MS);
	}

	get isOpen(): boolean {
		return this.line.isOpen;
	}

	/** Raises ApiError, Offline. */
	ask<T>(method: string, data: unknown): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			if (!this.isOpen) return reject(new Offline());
			if (this.waiting.size >= WAITING_MAX) return reject(new Refusal('base.too_busy'));
			const n = ++this.number;
			const timer = setTimeout(() => this.settle(n)?.reject(new Offline(method)), ANSWER_MS);
			this.waiting.set(n, { resolve, reject, timer });
			this.line.send({ f: 'call', n, m: method, d: data });
		});
	}

	/** Whether the provider says anything within this time. */
	answers(ms: number): Promise<boolean> {
		return this.line.answers(ms);
	}

	close(): void {
		this.onEnd = () => {};
		this.line.end();
	}

	private answered(n: number | undefined, problem: { code: string; detail: string } | undefined, value: unknown): void {
		const waiting = n === undefined ? undefined : this.settle(n);
		if (problem) waiting?.reject(new ApiError(problem.code, 400, problem.detail));
		else waiting?.resolve(value as never);
	}

	private settle(n: number): Waiting | undefined {
		const waiting = this.waiting.get(n);
		clearTimeout(waiting?.timer);
		this.waiting.delete(n);
		return waiting;
	}

	private ended(): void {
		clearInterval(this.beat);
		for (const n of [...this.waiting.keys()]) this.settle(n)?.reject(new Offline('connection lost'));
		this.onEnd();
	}
}
