import { describe, expect, it } from 'vitest';
import type { Block, Inline } from './ast';
import { parseMarkdown, plainText } from './blocks';
import { safeHref } from './href';

/** A short form that shows structure: strong → <b>…</b>, and so on; only for reading in tests. */
function sketch(blocks: readonly Block[]): string {
	return blocks
		.map((block) => {
			if (block.type === 'paragraph') return `p(${inline(block.children)})`;
			if (block.type === 'code') return `pre[${block.language}](${block.text})`;
			if (block.type === 'quote') return `quote(${sketch(block.children)})`;
			return `${block.start === null ? 'ul' : `ol${block.start}`}(${block.items.map(sketch).join('|')})`;
		})
		.join(' ');
}

function inline(parts: readonly Inline[]): string {
	return parts
		.map((part) => {
			if (part.type === 'text') return part.text;
			if (part.type === 'break') return '⏎';
			if (part.type === 'code') return `\`${part.text}\``;
			if (part.type === 'mention') return `<@${part.account}:${part.text}>`;
			if (part.type === 'link') return `<a ${part.href}>${inline(part.children)}</a>`;
			return `<${part.type}>${inline(part.children)}</${part.type}>`;
		})
		.join('');
}

const read = (text: string) => sketch(parseMarkdown(text));

describe('emphasis', () => {
	it.each([
		['**fett** und *schräg*', 'p(<strong>fett</strong> und <em>schräg</em>)'],
		['__fett__ _schräg_ ~~weg~~', 'p(<strong>fett</strong> <em>schräg</em> <strike>weg</strike>)'],
		['***beides***', 'p(<strong><em>beides</em></strong>)'],
		['_**beides**_', 'p(<em><strong>beides</strong></em>)'],
		['**außen *innen* außen**', 'p(<strong>außen <em>innen</em> außen</strong>)'],
		['Kolleg*innen und Kund*innen', 'p(Kolleg*innen und Kund*innen)'],
		['2*3*4 und snake_case_name', 'p(2*3*4 und snake_case_name)'],
		['* kein Ende **', 'ul(p(kein Ende **))'],
		['**offen', 'p(**offen)'],
		['*a **b*', 'p(<em>a **b</em>)'],
		['\\*nicht\\*', 'p(*nicht*)'],
		['a ~ b ~~', 'p(a ~ b ~~)']
	])('%s', (text, tree) => expect(read(text)).toBe(tree));
});

describe('code', () => {
	it.each([
		['`a *b*`', 'p(`a *b*`)'],
		['``a ` b``', 'p(`a ` b`)'],
		['`offen', 'p(`offen)'],
		['```ts\nlet a = 1;\n\n**b**\n```\ndanach', 'pre[ts](let a = 1;\n\n**b**) p(danach)'],
		['```\nohne Ende', 'pre[](ohne Ende)']
	])('%s', (text, tree) => expect(read(text)).toBe(tree));
});

describe('blocks', () => {
	it.each([
		['a\nb\n\nc', 'p(a⏎b) p(c)'],
		['> Zitat\n> weiter\nAntwort', 'quote(p(Zitat⏎weiter)) p(Antwort)'],
		['- eins\n- zwei\n  - innen', 'ul(p(eins)|p(zwei) ul(p(innen)))'],
		['1. eins\n2. zwei', 'ol1(p(eins)|p(zwei))'],
		['23. November passt', 'p(23. November passt)'],
		['Liste:\n- eins', 'p(Liste:) ul(p(eins))'],
		['# Kein Titel', 'p(# Kein Titel)'],
		['', '']
	])('%s', (text, tree) => expect(read(text)).toBe(tree));
});

describe('links', () => {
	it.each([
		['https://a.de/x.', 'p(<a https://a.de/x>https://a.de/x</a>.)'],
		['(siehe https://a.de/x_(y))', 'p((siehe <a https://a.de/x_(y)>https://a.de/x_(y)</a>))'],
		['www.a.de', 'p(<a https://www.a.de/>www.a.de</a>)'],
		['anna@tischlerei-lindner.de.', 'p(<a mailto:anna@tischlerei-lindner.de>anna@tischlerei-lindner.de</a>.)'],
		['[**Plan**](https://a.de)', 'p(<a https://a.de/><strong>Plan</strong></a>)'],
		['[x](javascript:alert(1))', 'p([x](javascript:alert(1)))'],
		['[x](data:text/html,a)', 'p([x](data:text/html,a))'],
		['![x](https://a.de/b.png)', 'p(!<a https://a.de/b.png>x</a>)'],
		['<img src=x onerror=alert(1)>', 'p(<img src=x onerror=alert(1)>)']
	])('%s', (text, tree) => expect(read(text)).toBe(tree));

	it.each(['javascript:alert(1)', 'JaVaScRiPt:x', 'vbscript:x', 'data:text/html,x', 'https://bank.de@evil.example/', '/relative', 'https://a.de/\u202egnp'])(
		'refuses %s',
		(raw) => expect(safeHref(raw)).toBeNull()
	);
});

describe('mentions', () => {
	const people = [
		{ account: 'anna', names: ['Anna Lindner', 'Anna'] },
		{ account: 'annabel', names: ['Annabel'] }
	];
	it.each([
		['@Anna, schau', 'p(<@anna:@Anna>, schau)'],
		['@Anna Lindner schaut', 'p(<@anna:@Anna Lindner> schaut)'],
		['@Annabel', 'p(<@annabel:@Annabel>)'],
		['@Annas', 'p(@Annas)'],
		['x@Anna', 'p(x@Anna)'],
		['`@Anna`', 'p(`@Anna`)'],
		['**@Anna**', 'p(<strong><@anna:@Anna></strong>)']
	])('%s', (text, tree) => expect(sketch(parseMarkdown(text, people))).toBe(tree));
});

describe('hostile text', () => {
	const LENGTH = 20_000;
	const pieces = ['[', '*a ', '*', '_a', '>', '- ', '`a', '`', '<', '~~a', '[a](', 'http://', 'a@b.', '1. ', '**a*', '*a_ ', '\n- a', '\n> ', '@', '\\'];
	it.each(pieces)('%s repeated keeps its words and ends', (piece) => {
		const text = piece.repeat(LENGTH / piece.length);
		const letters = (value: string) => value.replace(/[^ab]/g, '').length;
		expect(letters(plainText(parseMarkdown(text)))).toBe(letters(text));
	});
});

it('plain text is one line of words', () => {
	expect(plainText(parseMarkdown('**Hallo**\n- eins\n- `zwei`\n> drei'))).toBe('Hallo eins zwei drei');
});
