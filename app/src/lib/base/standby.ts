/** A second connection that waits: to another provider while the own one serves, to the own one while another does. */
import type { Line } from './line';
import type { Host } from './types';

/** Whoever stays so long gets one. */
export const STANDBY_AFTER_MS = 10_000;
export const STANDBY_RETRY_MS = 15_000;
const PING_MS = 20_000;
const PONG_MS = 6_000;
/** So long the own provider must have been well before people go back to it; and up to half as long more, each their own. */
export const WELL_MS = 30_000;
const WELL_PING_MS = 5_000;

export class Standby {
	#line: Line | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#turn = 0;

	constructor(
		private readonly make: (host: Host | null) => Line,
		private readonly back: (line: Line) => void,
		private readonly random: () => number = Math.random
	) {}

	/** Begin anew, with one of these; null is the page's own provider. */
	prepare(hosts: readonly (Host | null)[]): void {
		this.stop();
		if (hosts.length > 0) this.#later(hosts, STANDBY_AFTER_MS * (0.5 + this.random() / 2));
	}

	stop(): void {
		clearTimeout(this.#timer);
		const line = this.#line;
		this.#line = null;
		line?.end();
	}

	/** The connection, if there is one; it is not kept here any more. */
	give(): Line | null {
		const line = this.#line?.isOpen ? this.#line : null;
		if (line !== null) this.#line = null;
		clearTimeout(this.#timer);
		return line;
	}

	async answers(ms: number): Promise<boolean> {
		return (await this.#line?.answers(ms)) ?? false;
	}

	#later(hosts: readonly (Host | null)[], ms: number): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#begin(hosts), ms);
	}

	#begin(hosts: readonly (Host | null)[]): void {
		const line = this.make(hosts[this.#turn++ % hosts.length]!);
		this.#line = line;
		line.onHello = () => this.#keep(line, Date.now() + WELL_MS * (1 + this.random() / 2));
		line.onEnd = () => {
			if (this.#line !== line) return;
			this.#line = null;
			this.#later(hosts, STANDBY_RETRY_MS * (0.5 + this.random() / 2));
		};
	}

	#keep(line: Line, wellAt: number): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => void this.#look(line, wellAt), line.host === null ? WELL_PING_MS : PING_MS);
	}

	async #look(line: Line, wellAt: number): Promise<void> {
		const isWell = await line.answers(PONG_MS);
		if (this.#line !== line) return;
		if (!isWell) return line.end();
		if (line.host !== null || Date.now() < wellAt) return this.#keep(line, wellAt);
		this.#line = null;
		this.back(line);
	}
}
