import { describe, expect, it } from 'vitest';
import { loadEmoji } from './catalogue';
import { searchEmoji } from './search';

const first = async (query: string) => searchEmoji(await loadEmoji('de'), query).map((emoji) => emoji.unicode);

describe('emoji search', () => {
	it.each([
		['daumen hoch', '👍️'],
		['thumbs', '👍️'],
		['Holz', '🪵'],
		['wood', '🪵'],
		['Hammer', '🔨'],
		['gluecklich', '😄'],
		['glücklich', '😄'],
		['tschüss', '👋'],
		[':+1', '👍️']
	])('%s', async (query, emoji) => {
		const found = (await first(query)).map((other) => other.replace('\ufe0f', ''));
		expect(found).toContain(emoji.replace('\ufe0f', ''));
	});

	it('offers neither skin tones nor bare letters', async () => {
		const all = await loadEmoji('de');
		expect(all.some((emoji) => /[\u{1F3FB}-\u{1F3FF}]/u.test(emoji.unicode))).toBe(false);
		expect(all.length).toBeGreaterThan(1800);
	});

	it('puts what is called so before what is only described so', async () => {
		expect((await first('hund'))[0]).toMatch(/🐕|🐶/u);
	});

	it('finds nothing for nothing', async () => expect(await first('  ')).toEqual([]));
});
