/** Makes elements of a message's text. Only those named here can come of it, and text stays text, whatever it says. */
import type { Block, Inline } from './ast';

const MARKS = { strong: 'strong', em: 'em', strike: 's' } as const;

/** `me` is the account whose mentions stand out. Elements made in one go cost a third of components for each part. */
export function elementsOf(blocks: readonly Block[], me: string): HTMLElement[] {
	return blocks.map((block) => elementOf(block, me));
}

function elementOf(block: Block, me: string): HTMLElement {
	switch (block.type) {
		case 'paragraph':
			return make('p', { dir: 'auto' }, partsOf(block.children, me));
		case 'code':
			return make('pre', { dir: 'ltr', tabindex: '0', translate: 'no' }, [make('code', {}, [block.text])]);
		case 'quote':
			return make('blockquote', { dir: 'auto' }, elementsOf(block.children, me));
		case 'list': {
			const items = block.items.map((item) => make('li', {}, elementsOf(item, me)));
			return block.start === null ? make('ul', { dir: 'auto' }, items) : make('ol', { dir: 'auto', start: String(block.start) }, items);
		}
	}
}

function partsOf(parts: readonly Inline[], me: string): (Node | string)[] {
	return parts.map((part) => (part.type === 'text' ? part.text : partOf(part, me)));
}

function partOf(part: Exclude<Inline, { type: 'text' }>, me: string): HTMLElement {
	switch (part.type) {
		case 'break':
			return make('br', {}, []);
		case 'code':
			return make('code', { translate: 'no' }, [part.text]);
		case 'mention':
			return make('span', { class: part.account === me ? 'mention me' : 'mention' }, [part.text]);
		case 'link': {
			const outside: Record<string, string> = part.href.startsWith(`${location.origin}/`) ? {} : { target: '_blank' };
			return make('a', { href: part.href, rel: 'noopener noreferrer', title: part.href, ...outside }, partsOf(part.children, me));
		}
		default:
			return make(MARKS[part.type], {}, partsOf(part.children, me));
	}
}

function make(name: keyof HTMLElementTagNameMap, attributes: Record<string, string>, children: readonly (Node | string)[]): HTMLElement {
	const element = document.createElement(name);
	for (const attribute in attributes) element.setAttribute(attribute, attributes[attribute]!);
	element.append(...children);
	return element;
}
