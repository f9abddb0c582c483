/** Whether media still arrives, by the packets themselves: connections notice a silent death only after many seconds. */
import type { Received } from './media';

/** Voices come fifty times a second: so long without any, and they have stalled. */
export const STALLED_MS = 500;
/** The same where the provider is known to be away. */
export const STALLED_ALONE_MS = 300;

export class Pulse {
	private readonly seen = new Map<string, number>();
	private at: number | null = null;

	/** Call it often. */
	look(received: readonly Pick<Received, 'track' | 'receiver'>[], now: number): void {
		for (const { track, receiver } of received) {
			const stamp = receiver.getSynchronizationSources()[0]?.timestamp;
			if (stamp === undefined || this.seen.get(track.id) === stamp) continue;
			this.seen.set(track.id, stamp);
			this.at = now;
		}
	}

	/** Something came just now. False as well where there was never anything to come. */
	flows(now: number, within = STALLED_MS): boolean {
		return this.at !== null && now - this.at < within;
	}

	/** Something came at all. */
	get began(): boolean {
		return this.at !== null;
	}

	/** Another connection: what came before says nothing of it. */
	reset(): void {
		this.seen.clear();
		this.at = null;
	}
}
