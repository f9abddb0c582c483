import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Fact, Sync } from '$lib/base';
import { Library } from './library.svelte';
import { keep, kept } from './left';

/** What the library needs of a Sync; the world outside of it is not under test here. */
function quiet(): Sync {
	return {
		me: { account: { id: 'anna' }, personal: 'own', spaces: [] }, space: () => ({ title: 'Werkstatt', abilities: [] }), on: () => () => undefined,
		onSignal: () => () => undefined, onOnline: () => () => undefined
	} as unknown as Sync;
}
const fact = (kind: string, id: string, ms: number, body: object): Fact =>
	({ id, space: 'werkstatt', kind: `media.${kind}.1`, t: `${ms.toString(16).padStart(12, '0')}0000`, stamp: `${ms.toString(16).padStart(12, '0')}0000dev`, by: 'anna', body, state: 'accepted' }) as unknown as Fact;

const added = fact('film_added', 'f', 1_000, { title: 'Treppe', description: '', source: { hash: 'h', name: 'a.mp4', type: '', size: 5 } });
const changes = [
	fact('film_changed', 'c1', 2_000, { film: 'f', title: 'Die Treppe' }),
	fact('film_changed', 'c2', 3_000, { film: 'f', title: 'Die Kunst der Treppe' }),
	fact('film_prepared', 'p', 2_500, { film: 'f', outcome: 'ready', plan: 'plan', duration_ms: 60_000, width: 640, height: 360 }),
	fact('film_watched', 'w1', 4_000, { film: 'f', position_ms: 10_000, duration_ms: 60_000 }),
	fact('film_watched', 'w2', 5_000, { film: 'f', position_ms: 40_000, duration_ms: 60_000 })
];

describe('the fold of films', () => {
	it('gives the same film in whatever order the changes come', () => {
		const seen = new Set<string>();
		for (let turn = 0; turn < changes.length; turn++)
			for (const order of [[...changes.slice(turn), ...changes.slice(0, turn)], [...changes.slice(turn), ...changes.slice(0, turn)].reverse()]) {
				const library = new Library(quiet());
				for (const one of [added, ...order, ...order]) library.apply(one);
				seen.add(JSON.stringify(library.films['f']));
			}
		expect(seen.size).toBe(1);
		expect(JSON.parse([...seen][0]!)).toMatchObject({ title: 'Die Kunst der Treppe', state: 'ready', position_ms: 40_000, media: '/media/werkstatt/f/plan/' });
	});

	it('loses a film that was withdrawn or refused', () => {
		const library = new Library(quiet());
		library.apply(added);
		library.apply(fact('film_withdrawn', 'x', 6_000, { film: 'f' }));
		expect(library.all).toEqual([]);
		library.apply(added);
		library.apply({ ...added, state: 'refused' });
		expect(library.all).toEqual([]);
	});

	it('follows the preparation and ignores news that come late', () => {
		const library = new Library(quiet());
		library.apply(added);
		library.moved({ film: 'f' as never, state: 'playable', percent: 30, media: '/media/x/', duration_ms: 9 });
		expect(library.films['f']).toMatchObject({ state: 'playable', percent: 30, duration_ms: 9 });
		library.apply(changes[2]!);
		library.moved({ film: 'f' as never, state: 'playable', percent: 99 });
		expect(library.films['f']).toMatchObject({ state: 'ready', percent: 100 });
	});
});

describe('a page that goes away at once', () => {
	beforeEach(() => {
		const held = new Map<string, string>();
		vi.stubGlobal('localStorage', { getItem: (key: string) => held.get(key) ?? null, setItem: (key: string, text: string) => held.set(key, text), removeItem: (key: string) => held.delete(key) });
		return () => vi.unstubAllGlobals();
	});
	const left = { account: 'anna' as never, space: 'werkstatt', film: 'f', at: 9_000, position_ms: 40_000, duration_ms: 60_000 };
	const body = { space: 'werkstatt', film: 'f', position_ms: 40_000, duration_ms: 60_000 };

	/** A page at which the film is known, watched up to `watched_at`; gives what it wrote. */
	async function page(watched_at: number | null): Promise<unknown[]> {
		const posted: unknown[] = [];
		const draft = async () => [{ id: 'f', space: 'werkstatt', state: 'ready', watched_at }];
		const post = async (...written: unknown[]) => (posted.push(written), 'id');
		await new Library({ ...quiet(), draft, post } as unknown as Sync).load();
		return posted;
	}

	it('leaves how far one got, and the next page writes it down once', async () => {
		const never = (): Promise<never> => new Promise(() => undefined);
		void new Library({ ...quiet(), post: never, now: () => 9_000 } as unknown as Sync).watched({ id: 'f', space: 'werkstatt' } as never, 40_000.4, 60_000);
		expect(await page(8_000)).toEqual([['own', 'media.film_watched.1', body]]);
		expect(await page(8_000)).toEqual([]);
	});

	it('does not set back who watched on elsewhere', async () => {
		keep(left);
		expect(await page(9_500)).toEqual([]);
		expect(await page(null)).toEqual([]);
	});

	it('is of no interest to somebody else', () => {
		keep(left);
		expect(kept('ben' as never)).toBeNull();
		expect(kept('anna' as never)).toBeNull();
	});

	it('survives rubbish in the store', () => {
		localStorage.setItem('verbund.media.left', '{');
		expect(kept('anna' as never)).toBeNull();
	});
});
