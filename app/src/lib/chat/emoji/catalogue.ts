/** Loads the emoji words when somebody first asks for them; without skin tones, flags of regions' letters and parts. */
import { foldWords, wordsOf, type Emoji } from './search';

interface Entry {
	hexcode: string;
	label: string;
	unicode: string;
	tags?: string[];
	group?: number;
	order?: number;
}

const COMPONENT_GROUP = 2;
let loading: Promise<readonly Emoji[]> | null = null;

/** All emoji in their usual order, labelled in the language given first and found in both. */
export function loadEmoji(locale: 'de' | 'en'): Promise<readonly Emoji[]> {
	loading ??= load(locale).catch((error: unknown) => {
		loading = null;
		throw error;
	});
	return loading;
}

async function load(locale: 'de' | 'en'): Promise<readonly Emoji[]> {
	const [german, english] = await Promise.all([
		import('emojibase-data/de/compact.json'),
		import('emojibase-data/en/compact.json')
	]);
	const [own, other] = locale === 'de' ? [german.default, english.default] : [english.default, german.default];
	const others = new Map((other as Entry[]).map((entry) => [entry.hexcode, entry]));
	return (own as Entry[])
		.filter((entry) => entry.group !== undefined && entry.group !== COMPONENT_GROUP)
		.sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
		.map((entry) => emojiOf(entry, others.get(entry.hexcode)));
}

function emojiOf(entry: Entry, other: Entry | undefined): Emoji {
	const labels = [entry, other].flatMap((source) => (source ? [source.label, ...(source.tags ?? [])] : []));
	return {
		unicode: entry.unicode,
		label: entry.label,
		group: entry.group!,
		words: wordsOf(labels),
		name: foldWords(entry.label)
	};
}
