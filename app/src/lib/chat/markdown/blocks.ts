/** Reads the Markdown subset of messages into a small tree. Never makes markup: the components show the tree. */
import type { Block, Inline, Mentionable } from './ast';
import { parseInline } from './inline';

export const BLOCK_DEPTH_MAX = 4;

const FENCE = /^ {0,3}```+\s*([\w+#.-]{0,30})\s*$/;
const FENCE_END = /^ {0,3}```+\s*$/;
const QUOTE = /^ {0,3}> ?/;
const BULLET = /^( {0,3})([-*+])( +)(?=\S)/;
const NUMBER = /^( {0,3})(\d{1,4})[.)]( +)(?=\S)/;

/** A message's text → its blocks, at most `BLOCK_DEPTH_MAX` deep; deeper marks stay text. */
export function parseMarkdown(text: string, people: readonly Mentionable[] = []): Block[] {
	return parseLines(text.replace(/\r\n?/g, '\n').split('\n'), people, 0);
}

function parseLines(lines: readonly string[], people: readonly Mentionable[], depth: number): Block[] {
	const blocks: Block[] = [];
	let at = 0;
	while (at < lines.length) {
		if (lines[at]!.trim() === '') {
			at += 1;
			continue;
		}
		const [block, end] = readBlock(lines, at, people, depth);
		blocks.push(block);
		at = end;
	}
	return blocks;
}

function readBlock(lines: readonly string[], at: number, people: readonly Mentionable[], depth: number): [Block, number] {
	if (FENCE.test(lines[at]!)) return readFence(lines, at);
	if (depth < BLOCK_DEPTH_MAX) {
		if (QUOTE.test(lines[at]!)) return readQuote(lines, at, people, depth);
		if (startsList(lines, at)) return readList(lines, at, people, depth);
	}
	return readParagraph(lines, at, people, depth);
}

function readFence(lines: readonly string[], at: number): [Block, number] {
	const language = FENCE.exec(lines[at]!)![1]!;
	let end = at + 1;
	while (end < lines.length && !FENCE_END.test(lines[end]!)) end += 1;
	return [{ type: 'code', language, text: lines.slice(at + 1, end).join('\n') }, Math.min(end + 1, lines.length)];
}

function readQuote(lines: readonly string[], at: number, people: readonly Mentionable[], depth: number): [Block, number] {
	let end = at;
	while (end < lines.length && QUOTE.test(lines[end]!)) end += 1;
	const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ''));
	return [{ type: 'quote', children: parseLines(inner, people, depth + 1) }, end];
}

/** A single "23. November" is a date; a numbered list has a second number on one of the next lines. */
function startsList(lines: readonly string[], at: number): boolean {
	const line = lines[at]!;
	if (BULLET.test(line)) return true;
	const number = NUMBER.exec(line);
	if (!number) return false;
	for (let next = at + 1; next < lines.length && lines[next]!.trim() !== ''; next += 1) {
		const following = NUMBER.exec(lines[next]!);
		if (following) return Number(following[2]) === Number(number[2]) + 1 || following[2] === number[2];
		if (!/^ {2}/.test(lines[next]!)) return false;
	}
	return false;
}

function readList(lines: readonly string[], at: number, people: readonly Mentionable[], depth: number): [Block, number] {
	const ordered = NUMBER.exec(lines[at]!);
	const marker = ordered ? NUMBER : BULLET;
	const items: Block[][] = [];
	let end = at;
	while (end < lines.length && marker.test(lines[end]!)) {
		const indent = marker.exec(lines[end]!)![0].length;
		const inner = [lines[end]!.slice(indent)];
		end += 1;
		while (end < lines.length && /^(?: {2,}|\t)\S/.test(lines[end]!)) {
			inner.push(lines[end]!.replace(new RegExp(`^(?: {1,${indent}}|\\t)`), ''));
			end += 1;
		}
		items.push(parseLines(inner, people, depth + 1));
	}
	return [{ type: 'list', start: ordered ? Number(ordered[2]) : null, items }, end];
}

function readParagraph(
	lines: readonly string[],
	at: number,
	people: readonly Mentionable[],
	depth: number
): [Block, number] {
	let end = at + 1;
	while (end < lines.length && lines[end]!.trim() !== '' && !startsBlock(lines, end, depth)) end += 1;
	const text = lines
		.slice(at, end)
		.map((line) => line.trim())
		.join('\n');
	return [{ type: 'paragraph', children: parseInline(text, people) }, end];
}

function startsBlock(lines: readonly string[], at: number, depth: number): boolean {
	if (FENCE.test(lines[at]!)) return true;
	return depth < BLOCK_DEPTH_MAX && (QUOTE.test(lines[at]!) || startsList(lines, at));
}

/** The words alone, on one line: for quotes, search results and what a screen reader is told. */
export function plainText(blocks: readonly Block[]): string {
	return blocks.map(blockText).join(' ').replace(/\s+/g, ' ').trim();
}

function blockText(block: Block): string {
	if (block.type === 'paragraph') return block.children.map(inlineText).join('');
	if (block.type === 'code') return block.text;
	if (block.type === 'quote') return plainText(block.children);
	return block.items.map(plainText).join(' ');
}

function inlineText(part: Inline): string {
	if (part.type === 'break') return ' ';
	return 'children' in part ? part.children.map(inlineText).join('') : part.text;
}
