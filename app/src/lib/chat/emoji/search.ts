/** Finds emoji by German and English words. Pure; `catalogue.ts` brings the words. */

export interface Emoji {
	unicode: string;
	label: string;
	group: number;
	/** Folded words, each with a space before it. */
	words: string;
	/** The folded label, which counts more than the words. */
	name: string;
}

export const EMOJI_FOUND_MAX = 120;

/** "Grüße" → "gruße" and "gruesse" are both found: lower case, without accents. */
export function foldWords(text: string): string {
	return text
		.toLowerCase()
		.normalize('NFD')
		.replace(/\p{M}/gu, '')
		.replaceAll('ß', 'ss');
}

/** As somebody without umlauts on the keyboard writes it. */
export function spellOut(text: string): string {
	const lower = text.toLowerCase().normalize('NFC');
	return foldWords(lower.replaceAll('ä', 'ae').replaceAll('ö', 'oe').replaceAll('ü', 'ue'));
}

export function wordsOf(labels: readonly string[]): string {
	const spellings = new Set<string>();
	for (const label of labels) {
		spellings.add(foldWords(label));
		spellings.add(spellOut(label));
	}
	return [...spellings].map((spelling) => ` ${spelling}`).join('');
}

/** Emoji of which every word of the query begins some word: those whose name begins so first. */
export function searchEmoji(catalogue: readonly Emoji[], query: string, max = EMOJI_FOUND_MAX): Emoji[] {
	const parts = foldWords(query).split(/[\s:_]+/).filter(Boolean);
	if (parts.length === 0) return [];
	const named: Emoji[] = [];
	const tagged: Emoji[] = [];
	for (const emoji of catalogue) {
		if (!parts.every((part) => emoji.words.includes(` ${part}`))) continue;
		(emoji.name.startsWith(parts[0]!) ? named : tagged).push(emoji);
	}
	return [...named, ...tagged].slice(0, max);
}
