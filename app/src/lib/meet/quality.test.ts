import { describe, expect, it } from 'vitest';
import { levelOf } from './level.svelte';
import { qualityOf, worse } from './quality';

const at = (ms: number, received: number, lost = 0) => ({ at: ms, received, lost });

describe('quality', () => {
	it('follows the share of lost packets', () => {
		expect(qualityOf(at(0, 100), at(2000, 200, 1), true, null)).toBe('good');
		expect(qualityOf(at(0, 100), at(2000, 193, 7), true, null)).toBe('fair');
		expect(qualityOf(at(0, 100), at(2000, 180, 20), true, null)).toBe('poor');
	});

	it('is lost only when something should come and nothing came for three seconds', () => {
		expect(qualityOf(at(2000, 100), at(4000, 100), true, 2000)).toBe('good');
		expect(qualityOf(at(4000, 100), at(6000, 100), true, 2000)).toBe('lost');
		expect(qualityOf(at(4000, 100), at(6000, 100), false, 2000)).toBe('good');
	});

	it('is as bad as its worst track', () => {
		expect(worse('good', 'lost')).toBe('lost');
		expect(worse('poor', 'fair')).toBe('poor');
	});
});

describe('the level meter', () => {
	it('shows silence as nothing, full scale as full, speech in between', () => {
		const tone = (peak: number) => Float32Array.from({ length: 1024 }, (_, index) => peak * Math.sin(index / 5));
		expect(levelOf(tone(0))).toBe(0);
		expect(levelOf(tone(1))).toBeGreaterThan(0.9);
		const speech = levelOf(tone(0.1));
		expect(speech).toBeGreaterThan(0.4);
		expect(speech).toBeLessThan(0.8);
	});
});
