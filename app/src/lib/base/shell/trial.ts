/**
 * Whether the newest shell has ever opened well in this browser; until it has, the one before stays at hand and takes its
 * place after two vain attempts. What decides, without a cache or a clock: pure.
 */

/** So often a new shell may begin without saying that all is well. */
export const STARTS_MAX = 2;
/** So long the one before serves; then the new one gets another attempt. */
export const AGAIN_MS = 60 * 60_000;

export interface Trial {
	version: string;
	isWell: boolean;
	starts: number;
	startedAt: number;
	/** The newest version that was well before this one. */
	before: string | null;
}

export interface WellNote {
	sort: 'well';
	version: string;
}

/** A version takes over from what was there. */
export function takenOver(version: string, held: Trial | undefined): Trial {
	if (held?.version === version) return held;
	const before = held === undefined ? null : held.isWell ? held.version : held.before;
	return { version, isWell: false, starts: 0, startedAt: 0, before };
}

/** A page opens: with which version, and what is to be remembered of it. */
export function opening(trial: Trial, now: number): { trial: Trial; version: string } {
	if (trial.isWell) return { trial, version: trial.version };
	const isLongAgo = now - trial.startedAt >= AGAIN_MS;
	if (trial.before !== null && trial.starts >= STARTS_MAX && !isLongAgo) return { trial, version: trial.before };
	return { trial: { ...trial, starts: isLongAgo ? 1 : trial.starts + 1, startedAt: now }, version: trial.version };
}

/** A page says that it has opened; that of another version says nothing about this one. */
export function heard(trial: Trial, note: WellNote): Trial {
	return note.version === trial.version ? { ...trial, isWell: true } : trial;
}
