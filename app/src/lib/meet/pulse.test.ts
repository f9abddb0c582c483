/** Stalled media is known by packets that no longer come. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Pulse, STALLED_MS } from './pulse';

type Look = Parameters<Pulse['look']>[0];

/** A track as the browser shows it: the time of its last packet. */
const track = (id: string, timestamp?: number): Look[number] => ({
	track: { id } as MediaStreamTrack,
	receiver: { getSynchronizationSources: () => (timestamp === undefined ? [] : [{ timestamp, source: 1 }]) } as unknown as RTCRtpReceiver
});

describe('the pulse of what arrives', () => {
	let pulse: Pulse;
	beforeEach(() => (pulse = new Pulse()));

	it('is none before anything came', () => {
		pulse.look([track('voice')], 0);
		expect([pulse.began, pulse.flows(0)]).toEqual([false, false]);
	});

	it('goes on as long as one of the tracks gets packets', () => {
		for (let now = 0; now < 3_000; now += 150) {
			pulse.look([track('still', 7), track('voice', now)], now);
			expect(pulse.flows(now)).toBe(true);
		}
	});

	it('stops within the time, and comes back with the next packet', () => {
		pulse.look([track('voice', 1)], 0);
		pulse.look([track('voice', 1)], STALLED_MS);
		expect([pulse.began, pulse.flows(STALLED_MS)]).toEqual([true, false]);
		pulse.look([track('voice', 2)], STALLED_MS + 150);
		expect(pulse.flows(STALLED_MS + 150)).toBe(true);
	});

	it('knows nothing of a new connection', () => {
		pulse.look([track('voice', 1)], 0);
		pulse.reset();
		expect([pulse.began, pulse.flows(0)]).toEqual([false, false]);
	});
});
