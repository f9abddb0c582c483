/** Texts that were read once: a conversation that is opened again does not read its messages again. */
import type { Row } from '../message';
import type { Block, Mentionable } from './ast';
import { parseMarkdown } from './blocks';

const held = new WeakMap<Row, Block[]>();

/** What a message says. Whom it names may get another name, so such a text is read each time. */
export function blocksOf(row: Row, people: readonly Mentionable[]): Block[] {
	if (people.length > 0) return parseMarkdown(row.text, people);
	let blocks = held.get(row);
	if (!blocks) {
		blocks = parseMarkdown(row.text);
		held.set(row, blocks);
	}
	return blocks;
}
