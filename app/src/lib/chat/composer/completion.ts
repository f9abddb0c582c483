/** What the word before the caret asks for: a person after "@", an emoji after ":". Pure. */
import { foldWords } from '../emoji/search';

export const CANDIDATES_MAX = 8;
const QUERY_LENGTH_MAX = 40;

export interface Asked {
	sort: 'person' | 'emoji';
	query: string;
	/** Where the "@" or ":" stands. */
	start: number;
}

export interface Person {
	account: string;
	name: string;
}

/** What is asked for at the caret, or null. An emoji needs two letters, so that "10:30" and ":)" ask for none. */
export function askedAt(text: string, caret: number): Asked | null {
	const before = text.slice(Math.max(0, caret - QUERY_LENGTH_MAX), caret);
	const person = /(?:^|[\s([{"„»*_~])@([\p{L}\p{N}.'-]*(?: [\p{L}\p{N}.'-]*)?)$/u.exec(before);
	if (person) return { sort: 'person', query: person[1]!, start: caret - person[1]!.length - 1 };
	const emoji = /(?:^|\s):([\p{L}+-][\p{L}\p{N}_+-]+)$/u.exec(before);
	if (emoji) return { sort: 'emoji', query: emoji[1]!, start: caret - emoji[1]!.length - 1 };
	return null;
}

/** People of whom some part of the name begins like the query, those whose first name does before the others. */
export function matchingPeople(people: readonly Person[], query: string): Person[] {
	const wanted = foldWords(query.trim());
	const ranked = people
		.map((person) => ({ person, rank: rankOf(foldWords(person.name), wanted) }))
		.filter(({ rank }) => rank >= 0)
		.sort((a, b) => a.rank - b.rank || a.person.name.localeCompare(b.person.name, 'de'));
	return ranked.slice(0, CANDIDATES_MAX).map(({ person }) => person);
}

function rankOf(name: string, wanted: string): number {
	if (name.startsWith(wanted)) return 0;
	return name.includes(` ${wanted}`) ? 1 : -1;
}

/** The text with the asked word replaced, and where the caret stands then. */
export function complete(text: string, caret: number, asked: Asked, insert: string): { text: string; caret: number } {
	const before = text.slice(0, asked.start) + insert + ' ';
	const after = text.slice(caret).replace(/^ /, '');
	return { text: before + after, caret: before.length };
}
