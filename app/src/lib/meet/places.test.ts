/** Everybody meets at the same next provider, whatever each of them knows of others. */
import { describe, expect, it } from 'vitest';
import type { ProviderId } from '$lib/base';
import { placesAfter } from './places';

const ids = (text: string): ProviderId[] => [...text] as ProviderId[];

describe('the order of providers', () => {
	it('goes around from the next one to where the call was', () => {
		expect(placesAfter('B' as ProviderId, ids('CAB'))).toEqual(ids('CAB'));
		expect(placesAfter('C' as ProviderId, ids('ABC'))).toEqual(ids('ABC'));
	});

	it('is the same for everybody, in whatever order they were told', () => {
		for (const told of ['ABCD', 'DCBA', 'CADB']) expect(placesAfter('B' as ProviderId, ids(told))).toEqual(ids('CDAB'));
	});

	it('has a place for one that nobody told of, and for nobody else', () => {
		expect(placesAfter('B' as ProviderId, ids('AC'))).toEqual(ids('CAB'));
		expect(placesAfter('A' as ProviderId, [])).toEqual(ids('A'));
	});
});
