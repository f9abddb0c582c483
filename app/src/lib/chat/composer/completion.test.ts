import { describe, expect, it } from 'vitest';
import { askedAt, complete, matchingPeople } from './completion';

const asked = (text: string) => askedAt(text, text.length);

describe('what the caret asks for', () => {
	it.each([
		['@', 'person', ''],
		['Hallo @an', 'person', 'an'],
		['(@Cem', 'person', 'Cem'],
		['@Anna Li', 'person', 'Anna Li'],
		['gut :dau', 'emoji', 'dau']
	])('%s', (text, sort, query) => expect(asked(text)).toMatchObject({ sort, query }));

	it.each(['anna@firma', 'um 10:30', ':)', ':d', 'a @Anna und noch', ''])('nothing in %s', (text) => expect(asked(text)).toBeNull());
});

describe('people', () => {
	const people = ['Cem Öztürk', 'Anna Lindner', 'Johanna Öhler', 'Änne Maurer'].map((name) => ({ account: name, name }));
	const found = (query: string) => matchingPeople(people, query).map((person) => person.name);

	it('finds first names before last names, with and without umlauts', () => {
		expect(found('ö')).toEqual(['Cem Öztürk', 'Johanna Öhler']);
		expect(found('an')).toEqual(['Anna Lindner', 'Änne Maurer']);
		expect(found('oz')).toEqual(['Cem Öztürk']);
		expect(found('x')).toEqual([]);
	});
});

it('completes in the middle of a text', () => {
	const text = 'Hallo @an wie';
	const done = complete(text, 9, askedAt(text, 9)!, '@Anna Lindner');
	expect(done).toEqual({ text: 'Hallo @Anna Lindner wie', caret: 20 });
});
