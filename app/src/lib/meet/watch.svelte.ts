/** Watches how well everybody arrives, every two seconds. */
import type { Received, Subscriber } from './media';
import { qualityOf, worse, type Quality, type Sample } from './quality';
import type { Participant } from './wire';

const LOOK_MS = 2_000;

interface Inbound {
	type: string;
	trackIdentifier?: string;
	packetsReceived?: number;
	packetsLost?: number;
}

export class Watch {
	/** person → quality; who is not in it arrives well. */
	qualities = $state.raw<ReadonlyMap<string, Quality>>(new Map());
	private samples = new Map<string, Sample>();
	private quiet = new Map<string, number>();
	private lookedAt = 0;

	look(subscriber: Subscriber | null, received: readonly Received[], people: readonly Participant[], now: number): void {
		if (!subscriber || now - this.lookedAt < LOOK_MS) return;
		this.lookedAt = now;
		void subscriber.stats().then((report) => report && this.judge(report, received, people, now));
	}

	private judge(report: RTCStatsReport, received: readonly Received[], people: readonly Participant[], now: number): void {
		const byTrack = new Map<string, Inbound>();
		report.forEach((one: Inbound) => {
			if (one.type === 'inbound-rtp' && one.trackIdentifier) byTrack.set(one.trackIdentifier, one);
		});
		const found = new Map<string, Quality>();
		for (const { person, label, track } of received) {
			const who = people.find((one) => one.id === person);
			const counted = byTrack.get(track.id);
			if (!who || !counted) continue;
			const expected = label === 'camera' ? who.video : label === 'microphone' ? who.audio : false;
			const quality = this.one(`${person}/${label}`, { received: counted.packetsReceived ?? 0, lost: counted.packetsLost ?? 0, at: now }, expected);
			found.set(person, worse(found.get(person) ?? 'good', quality));
		}
		this.qualities = found;
	}

	private one(key: string, sample: Sample, expected: boolean): Quality {
		const before = this.samples.get(key);
		this.samples.set(key, sample);
		if (!before) return 'good';
		if (sample.received > before.received) this.quiet.delete(key);
		else if (!this.quiet.has(key)) this.quiet.set(key, before.at);
		return qualityOf(before, sample, expected, this.quiet.get(key) ?? null);
	}
}
