import { describe, expect, it } from 'vitest';
import { AGAIN_MS, heard, opening, STARTS_MAX, takenOver, type Trial } from './trial';

const well = (trial: Trial, version = trial.version): Trial => heard(trial, { sort: 'well', version });
const old = well(takenOver('1', undefined));

/** What a browser opens, attempt after attempt, when no page ever says that it is well. */
function attempts(trial: Trial, times: readonly number[]): string[] {
	return times.map((now) => {
		const next = opening(trial, now);
		trial = next.trial;
		return next.version;
	});
}

describe('a new shell', () => {
	it('opens, and is the only one once it has said that all is well', () => {
		const first = opening(takenOver('2', old), 1_000);
		expect(first.version).toBe('2');
		const known = well(first.trial);
		expect(attempts(known, [2_000, 3_000, 4_000])).toEqual(['2', '2', '2']);
	});

	it('that does not open gives way to the one before, and gets another attempt later', () => {
		const times = [...Array.from({ length: STARTS_MAX + 2 }, (_, at) => AGAIN_MS + at), 2 * AGAIN_MS + STARTS_MAX];
		expect(attempts(takenOver('2', old), times)).toEqual([...Array<string>(STARTS_MAX).fill('2'), '1', '1', '2']);
	});

	it('has nobody to give way to where it is the first', () => {
		expect(attempts(takenOver('1', undefined), [0, 1, 2, 3])).toEqual(['1', '1', '1', '1']);
	});

	it('that never opened is not what the next one gives way to', () => {
		expect(takenOver('3', takenOver('2', old)).before).toBe('1');
		expect(takenOver('3', well(takenOver('2', old))).before).toBe('2');
	});

	it('is not made well by a page of the one before', () => {
		expect(well(takenOver('2', old), '1').isWell).toBe(false);
	});

	it('taken over twice is taken over once', () => {
		const begun = opening(takenOver('2', old), 5).trial;
		expect(takenOver('2', begun)).toEqual(begun);
	});
});
