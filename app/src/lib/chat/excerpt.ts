/** The part of a message around the words that were looked for. Pure. */
import { foldWords } from './emoji/search';
import { parseMarkdown, plainText } from './markdown/blocks';

export const EXCERPT_CHARS_MAX = 180;
const BEFORE_CHARS = 40;
const STEM_CHARS_MIN = 3;

export interface Part {
	text: string;
	found: boolean;
}

/** Words that begin like a word of the query are marked; the provider finds stems, so an ending may differ. */
export function excerpt(text: string, query: string): Part[] {
	const words = plainText(parseMarkdown(text));
	const wanted = foldWords(query).split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 0);
	const tokens = words.split(/([^\p{L}\p{N}]+)/u);
	const hits = tokens.map((token) => token !== '' && wanted.some((word) => begins(foldWords(token), word)));
	const first = hits.indexOf(true);
	const start = startBefore(tokens, first);
	const parts: Part[] = start > 0 ? [{ text: '… ', found: false }] : [];
	let length = 0;
	for (let at = start; at < tokens.length && length < EXCERPT_CHARS_MAX; at += 1) {
		push(parts, { text: tokens[at]!.slice(0, EXCERPT_CHARS_MAX), found: hits[at]! });
		length += tokens[at]!.length;
	}
	return parts;
}

function begins(token: string, word: string): boolean {
	if (token.startsWith(word)) return true;
	const stem = word.slice(0, Math.max(STEM_CHARS_MIN, word.length - 2));
	return word.length > STEM_CHARS_MIN && token.startsWith(stem) && Math.abs(token.length - word.length) <= 3;
}

function startBefore(tokens: readonly string[], first: number): number {
	let start = Math.max(0, first);
	let chars = 0;
	while (start > 0 && chars < BEFORE_CHARS) {
		start -= 1;
		chars += tokens[start]!.length;
	}
	return start;
}

function push(parts: Part[], part: Part): void {
	if (part.text === '') return;
	const last = parts[parts.length - 1];
	if (last && last.found === part.found) last.text += part.text;
	else parts.push(part);
}
