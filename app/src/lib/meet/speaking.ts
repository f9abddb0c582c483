/** Who speaks, from the level that the browser's own decoder reports (RTCRtpReceiver.getSynchronizationSources). */
import type { Received } from './media';

/** Linear, 0…1. */
const SPEAKING_LEVEL = 0.02;
/** A ring does not flicker between two words. */
const HOLD_MS = 700;

export class Speaking {
	private readonly heardAt = new Map<string, number>();

	/** person ids who speak now. */
	poll(received: readonly Received[], now: number): Set<string> {
		for (const { person, label, receiver } of received) {
			if (label !== 'microphone') continue;
			const level = receiver.getSynchronizationSources()[0]?.audioLevel ?? 0;
			if (level > SPEAKING_LEVEL) this.heardAt.set(person, now);
		}
		const speaking = new Set<string>();
		for (const [person, at] of this.heardAt) {
			if (now - at < HOLD_MS) speaking.add(person);
			else this.heardAt.delete(person);
		}
		return speaking;
	}
}
