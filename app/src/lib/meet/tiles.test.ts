import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gridOf, inOrder, layerFor } from './tiles';

const RATIO = 16 / 9;

describe('tiles', () => {
	it('fit on every stage, in the shape of a picture', () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 320, max: 4000 }), fc.integer({ min: 240, max: 2400 }), (count, width, height) => {
				const grid = gridOf(count, width, height, 8);
				expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(count);
				expect(grid.columns * grid.width + 8 * (grid.columns - 1)).toBeLessThanOrEqual(width + 0.5);
				expect(grid.rows * grid.height + 8 * (grid.rows - 1)).toBeLessThanOrEqual(height + 0.5);
				expect(Math.abs(grid.width / RATIO - grid.height)).toBeLessThan(1.01);
			})
		);
	});

	it('stand side by side for two on a wide stage, above each other on a phone', () => {
		expect(gridOf(2, 1280, 600).columns).toBe(2);
		expect(gridOf(2, 360, 700).columns).toBe(1);
	});

	it('keep their order, whoever speaks or is told of first', () => {
		const people = [
			{ id: 'c', joined_at: 3 },
			{ id: 'b', joined_at: 1 },
			{ id: 'a', joined_at: 1 }
		];
		expect(inOrder(people).map((person) => person.id)).toEqual(['a', 'b', 'c']);
		expect(inOrder([...people].reverse()).map((person) => person.id)).toEqual(['a', 'b', 'c']);
	});

	it('ask for as much picture as is shown', () => {
		expect([0, 150, 300, 720].map(layerFor)).toEqual([0, 0, 1, 2]);
	});
});
