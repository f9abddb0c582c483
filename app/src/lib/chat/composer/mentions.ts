/** Whom a text names. Pure. */
import type { Block, Inline, Mentionable } from '../markdown/ast';
import { parseMarkdown } from '../markdown/blocks';

export const MENTIONS_MAX = 50;

/** The accounts named by "@Name", in the order of their first mention; what stands in code names nobody. */
export function mentionsIn(text: string, people: readonly Mentionable[]): string[] {
	if (!text.includes('@')) return [];
	const found = new Set<string>();
	parseMarkdown(text, people).forEach((block) => visit(block, found));
	return [...found].slice(0, MENTIONS_MAX);
}

function visit(block: Block, found: Set<string>): void {
	if (block.type === 'paragraph') block.children.forEach((part) => visitPart(part, found));
	else if (block.type === 'quote') block.children.forEach((child) => visit(child, found));
	else if (block.type === 'list') block.items.flat().forEach((child) => visit(child, found));
}

function visitPart(part: Inline, found: Set<string>): void {
	if (part.type === 'mention') found.add(part.account);
	else if ('children' in part) part.children.forEach((child) => visitPart(child, found));
}
