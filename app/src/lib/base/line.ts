/** One socket to one provider, from its opening to its end: hello, frames, whether it still answers. */
import type { Answer, Frame, Hello, Passing, SocketLike } from './frames';
import type { Host } from './types';

export const HELLO_TIMEOUT_MS = 10_000;

export class Line {
	/** Told once, when hello came. */
	onHello: () => void = () => {};
	onFrame: (frame: Frame | Answer) => void = () => {};
	/** Told once, when it is over, whoever ended it; with the code of a goodbye. */
	onEnd: (code?: string) => void = () => {};
	hello: Hello | null = null;
	/** How many frames came. */
	heard = 0;

	#socket: SocketLike | null = null;
	#ended = false;
	#helloAt = 0;
	readonly #timer: ReturnType<typeof setTimeout>;

	/** `host` null: the page's own provider. */
	constructor(
		readonly host: Host | null,
		open: () => SocketLike | Promise<SocketLike>
	) {
		this.#timer = setTimeout(() => this.end(), HELLO_TIMEOUT_MS);
		void this.#begin(open);
	}

	get isOpen(): boolean {
		return this.hello !== null && !this.#ended;
	}

	get buffered(): number {
		return this.#socket?.bufferedAmount ?? 0;
	}

	/** The greeting as if it came now. */
	greeting(): Hello {
		return { ...this.hello!, now: this.hello!.now + Date.now() - this.#helloAt };
	}

	send(frame: object): void {
		this.#socket?.send(JSON.stringify(frame));
	}

	/** Whether anything comes within this time. */
	answers(ms: number): Promise<boolean> {
		const before = this.heard;
		if (!this.isOpen) return Promise.resolve(false);
		this.send({ f: 'ping' });
		return new Promise((resolve) => {
			const began = Date.now();
			const look = (): void => {
				if (this.heard !== before) resolve(true);
				else if (this.#ended || Date.now() - began >= ms) resolve(false);
				else setTimeout(look, LOOK_MS);
			};
			setTimeout(look, LOOK_MS);
		});
	}

	end(code?: string): void {
		if (this.#ended) return;
		this.#ended = true;
		clearTimeout(this.#timer);
		this.#socket?.close();
		this.onEnd(code);
	}

	async #begin(open: () => SocketLike | Promise<SocketLike>): Promise<void> {
		let socket: SocketLike;
		try {
			const opening = open();
			socket = opening instanceof Promise ? await opening : opening;
		} catch {
			// Whoever made this line listens from the next turn on.
			return queueMicrotask(() => this.end());
		}
		this.#socket = socket;
		if (this.#ended) return socket.close();
		socket.onmessage = (event: MessageEvent<string>) => this.#hear(event.data);
		socket.onclose = () => this.end();
		socket.onerror = () => {};
	}

	#hear(raw: string): void {
		if (this.#ended) return;
		this.heard += 1;
		const frame = read(raw);
		if (frame === null) return this.end();
		if (frame.f === 'bye') return this.end(frame.code);
		if (frame.f === 'pong') return;
		if (frame.f !== 'hello') return this.onFrame(frame);
		clearTimeout(this.#timer);
		this.hello = frame;
		this.#helloAt = Date.now();
		this.onHello();
	}
}

/** Finer than any time that is waited for an answer. */
const LOOK_MS = 50;

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
