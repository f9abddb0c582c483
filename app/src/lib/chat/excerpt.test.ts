import { expect, it } from 'vitest';
import { EXCERPT_CHARS_MAX, excerpt } from './excerpt';

const sketch = (text: string, query: string) => excerpt(text, query).map((part) => (part.found ? `[${part.text}]` : part.text)).join('');

it('marks the words with and without umlauts, in any ending', () => {
	expect(sketch('Die Türen sind da, die Tür fehlt.', 'tur')).toBe('Die [Türen] sind da, die [Tür] fehlt.');
	expect(sketch('Das Geländer wird montiert.', 'Geländers')).toBe('Das [Geländer] wird montiert.');
});

it('begins shortly before the first hit and stays short', () => {
	const text = `${'vorher '.repeat(100)}Treppe ${'nachher '.repeat(100)}`;
	const shown = sketch(text, 'treppe');
	expect(shown.startsWith('… vorher')).toBe(true);
	expect(shown).toContain('[Treppe]');
	expect(shown.length).toBeLessThan(EXCERPT_CHARS_MAX + 30);
});

it('shows the beginning when only a file name was found', () => {
	expect(sketch('Siehe **Anhang**', 'plan')).toBe('Siehe Anhang');
});
