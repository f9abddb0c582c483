import { expect, it } from 'vitest';
import { mentionsIn } from './mentions';

const people = [
	{ account: 'anna', names: ['Anna Lindner'] },
	{ account: 'ben', names: ['Ben Krause'] }
];

it('finds those who are named, once and in order', () => {
	expect(mentionsIn('@Ben Krause und **@Anna Lindner**\n> @Ben Krause', people)).toEqual(['ben', 'anna']);
});

it('names nobody in code, in an address or by half a name', () => {
	expect(mentionsIn('`@Anna Lindner` x@Ben Krause @Anna Lindners', people)).toEqual([]);
});
