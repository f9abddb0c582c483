/** Several providers are tried one after the other with a short stagger (RFC 8305); the first that says hello wins. */
import type { Line } from './line';

export const STAGGER_MS = 250;

export class Race {
	readonly #running = new Set<Line>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#isOver = false;

	/** `lost` is told when all have ended, with the last goodbye of the page's own provider. */
	constructor(
		private readonly waiting: (() => Line)[],
		private readonly won: (line: Line) => void,
		private readonly lost: (code?: string) => void
	) {
		this.#next();
	}

	stop(): void {
		this.#isOver = true;
		clearTimeout(this.#timer);
		for (const line of [...this.#running]) line.end();
	}

	#next(code?: string): void {
		clearTimeout(this.#timer);
		if (this.#isOver) return;
		const line = this.waiting.shift()?.();
		if (line === undefined) {
			if (this.#running.size > 0) return;
			this.#isOver = true;
			return this.lost(code);
		}
		this.#running.add(line);
		line.onHello = () => {
			this.#running.delete(line);
			this.stop();
			this.won(line);
		};
		line.onEnd = (said) => {
			this.#running.delete(line);
			this.#next(line.host === null ? (said ?? code) : code);
		};
		if (this.waiting.length > 0) this.#timer = setTimeout(() => this.#next(code), STAGGER_MS);
	}
}
