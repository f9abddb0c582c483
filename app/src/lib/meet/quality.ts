/** How well somebody's picture and sound arrive, from what the browser counts. Pure; thresholds as Jitsi documents them. */

export type Quality = 'good' | 'fair' | 'poor' | 'lost';

/** Counters of one received track at one moment. */
export interface Sample {
	received: number;
	lost: number;
	/** When (ms). */
	at: number;
}

const FAIR_LOSS = 0.06;
const POOR_LOSS = 0.08;
const LOST_AFTER_MS = 3_000;

/** What happened between two samples; `expected`: something should have come. `quietSince`: when nothing came any more. */
export function qualityOf(before: Sample, now: Sample, expected: boolean, quietSince: number | null): Quality {
	const received = now.received - before.received;
	const lost = Math.max(0, now.lost - before.lost);
	if (received <= 0) return expected && quietSince !== null && now.at - quietSince >= LOST_AFTER_MS ? 'lost' : 'good';
	const share = lost / (received + lost);
	return share >= POOR_LOSS ? 'poor' : share >= FAIR_LOSS ? 'fair' : 'good';
}

const ORDER: Quality[] = ['good', 'fair', 'poor', 'lost'];

/** The worse of two. */
export const worse = (one: Quality, other: Quality): Quality => ORDER[Math.max(ORDER.indexOf(one), ORDER.indexOf(other))]!;
