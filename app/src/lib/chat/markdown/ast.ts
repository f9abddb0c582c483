/** What a message's text may consist of. Anything else stays the plain text that was typed. */

export type Inline =
	| { type: 'text'; text: string }
	| { type: 'break' }
	| { type: 'strong'; children: Inline[] }
	| { type: 'em'; children: Inline[] }
	| { type: 'strike'; children: Inline[] }
	| { type: 'code'; text: string }
	| { type: 'link'; href: string; children: Inline[] }
	| { type: 'mention'; account: string; text: string };

export type Block =
	| { type: 'paragraph'; children: Inline[] }
	| { type: 'code'; language: string; text: string }
	| { type: 'quote'; children: Block[] }
	| { type: 'list'; start: number | null; items: Block[][] };

/** One person whom the text may name; the longest of the names that fits wins. */
export interface Mentionable {
	account: string;
	names: readonly string[];
}
