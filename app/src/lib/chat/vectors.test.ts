/** The committed vectors of conversation: the same facts give the same rows as on the server, in every order. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ChatFact } from './fold';
import type { Row } from './message';
import { MessageWindow } from './window';

type Fact = ChatFact & { re: string[] };
interface Case {
	name: string;
	facts: Fact[];
	rows: Record<string, unknown>[];
}

const file = new URL('../../../../protocol/vectors/chat/fold.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };

function* orders(rest: Fact[], before: Fact[] = []): Generator<Fact[]> {
	if (rest.length === 0) yield before;
	const open = new Set(rest.map((fact) => fact.id));
	for (const fact of rest) {
		if (fact.re.some((id) => open.has(id))) continue;
		yield* orders(
			rest.filter((other) => other !== fact),
			[...before, fact]
		);
	}
}

function fold(facts: Fact[]): readonly Row[] {
	const window = new MessageWindow(null);
	window.absorb({ messages: [], more_before: false, more_after: false }, 'whole');
	for (const fact of facts) window.apply(fact);
	return window.rows;
}

const reactions = (list: unknown) =>
	(list as { emoji: string; accounts: string[] }[])
		.map((one) => `${one.emoji} ${[...one.accounts].sort().join(' ')}`)
		.sort();

describe('vectors of conversation', () => {
	for (const { name, facts, rows } of cases) {
		it(name, () => {
			for (const order of orders(facts)) {
				const folded = fold(order) as unknown as Record<string, unknown>[];
				expect(folded.length).toBe(rows.length);
				rows.forEach((row, at) => {
					for (const field of Object.keys(row)) {
						const found = folded[at]?.[field];
						if (field === 'reactions') expect(reactions(found)).toEqual(reactions(row[field]));
						else if (field !== 'stamp' || !row['withdrawn']) expect(found).toEqual(row[field]);
					}
				});
			}
		});
	}
});
