import { describe, expect, it } from 'vitest';
import type { CoreId, Entry, SpaceId } from '../types';
import { Seen, SEEN_MAX } from './seen';

const ROOM = 'raum' as SpaceId;
const YARD = 'hof' as SpaceId;

const entry = (n: number, over: Partial<Entry> = {}): Entry =>
	({ p: 'W', i: 1, n, x: 0, c: `c${n}`, s: 's', sa: 'sa', b: `{"text":"${n}"}`, id: `id${n}`, h: 'h', at: n, o: n, ...over }) as Entry;

describe('what was seen and is not safe yet', () => {
	it('is given to the provider that stands in, once, in its order, as it was signed', () => {
		const seen = new Seen();
		seen.add(ROOM, entry(1));
		seen.add(ROOM, entry(2));
		seen.add(YARD, entry(7));
		expect(seen.owed(ROOM)).toEqual([]);
		seen.moved();
		expect(seen.owed(ROOM)).toEqual([1, 2].map((n) => ({ c: `c${n}`, s: 's', sa: 'sa', b: `{"text":"${n}"}` })));
		expect(seen.owed(ROOM)).toEqual([]);
		expect(seen.owed(YARD).map((one) => one.c)).toEqual(['c7']);
	});

	it('is given again when it did not arrive', () => {
		const seen = new Seen();
		seen.add(ROOM, entry(1));
		seen.moved();
		seen.owed(ROOM);
		seen.owe(ROOM);
		expect(seen.owed(ROOM).map((one) => one.c)).toEqual(['c1']);
		seen.owe(ROOM);
		seen.safe(ROOM, { 'W.1': 1 });
		expect(seen.owed(ROOM)).toEqual([]);
	});

	it('is let go once enough providers have it, and not kept when they have it already', () => {
		const seen = new Seen();
		seen.add(ROOM, entry(1));
		seen.add(ROOM, entry(2));
		seen.safe(ROOM, { 'W.1': 1 });
		seen.add(ROOM, entry(1));
		seen.moved();
		expect(seen.owed(ROOM).map((one) => one.c)).toEqual(['c2']);
		seen.moved();
		seen.safe(ROOM, { 'W.1': 2, 'S.1': 9 });
		expect(seen.owed(ROOM)).toEqual([]);
	});

	it('is neither what is void, set aside or waits, nor what names a file', () => {
		const seen = new Seen();
		for (const x of [1, 2, 3, 4] as const) seen.add(ROOM, entry(x, { x }));
		seen.add(ROOM, entry(5, { b: null }));
		seen.add(ROOM, entry(6, { b: '{"blobs":["abc"],"text":"Plan"}' }));
		seen.moved();
		expect(seen.owed(ROOM)).toEqual([]);
	});

	it('is not what was taken back, nor anything of a space in which words were erased', () => {
		const seen = new Seen();
		for (const n of [1, 2]) seen.add(ROOM, entry(n));
		seen.add(YARD, entry(7));
		seen.moved();
		seen.forget(ROOM, 'id1' as CoreId);
		seen.forget(YARD);
		expect(seen.owed(ROOM).map((one) => one.c)).toEqual(['c2']);
		expect(seen.owed(YARD)).toEqual([]);
	});

	it('is bounded: the oldest goes', () => {
		const seen = new Seen();
		for (let n = 1; n <= SEEN_MAX + 3; n++) seen.add(ROOM, entry(n));
		seen.moved();
		const given = seen.owed(ROOM);
		expect([given.length, given[0]!.c]).toEqual([SEEN_MAX, 'c4']);
	});
});
