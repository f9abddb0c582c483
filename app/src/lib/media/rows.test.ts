import { describe, expect, it } from 'vitest';
import { begun, heroOf, nextAfter, rowsOf, startAt } from './rows';
import { readTiles, tileAt } from './tiles';
import { clock, split } from './times';
import type { Film } from './types';
import { titleOf } from './uploads.svelte';

const film = (id: string, changes: Partial<Film> = {}): Film =>
	({ id, space: 'werkstatt', space_title: 'Werkstatt', added_at: Number(id), state: 'ready', duration_ms: 100_000, width: 640, position_ms: 0, watched_at: null, ...changes }) as Film;

describe('rows', () => {
	it('puts begun films first, the last watched leading, without those that are done', () => {
		const films = [
			film('1', { watched_at: 10, position_ms: 40_000 }),
			film('2', { watched_at: 30, position_ms: 96_000 }),
			film('3', { watched_at: 20, position_ms: 50_000 }),
			film('4', { watched_at: 40, position_ms: 1_000 }),
			film('5', { watched_at: 50, position_ms: 50_000, state: 'refused' })
		];
		expect(begun(films).map((one) => one.id)).toEqual(['3', '1']);
		expect(startAt(films[0]!)).toBe(40);
		expect(startAt(films[1]!)).toBe(0);
	});

	it('gives spaces rows of their own only when there are several', () => {
		const one = [film('1'), film('2')];
		expect(rowsOf(one).map((row) => row.key)).toEqual(['new']);
		const two = [...one, film('3', { space: 'büro' as Film['space'], space_title: 'Büro' })];
		expect(rowsOf(two).map((row) => [row.key, row.films.map((each) => each.id)])).toEqual([['new', ['3', '2', '1']], ['büro', ['3']], ['werkstatt', ['2', '1']]]);
	});

	it('opens with the newest film that has pictures, and goes on within the space', () => {
		const films = [film('1'), film('2', { width: 0 }), film('3', { state: 'waiting' }), film('4', { space: 'büro' as Film['space'] })];
		expect(heroOf(films.slice(0, 3))?.id).toBe('1');
		expect(nextAfter(films[1]!, films)?.id).toBe('1');
		expect(nextAfter(films[0]!, films)).toBeNull();
		expect(heroOf([])).toBeNull();
	});
});

describe('tiles', () => {
	const list = 'WEBVTT\n\n00:00:00.000 --> 00:00:04.000\ntiles-0.jpg#xywh=0,0,160,90\n\n00:00:04.000 --> 00:00:08.000\ntiles-0.jpg#xywh=160,0,160,90\n\n01:00:00.000 --> 01:00:04.000\ntiles-1.jpg#xywh=0,90,160,90\n';
	it('finds the picture for a time', () => {
		const tiles = readTiles(list, '/media/s/f/p/');
		expect(tiles).toHaveLength(3);
		expect(tileAt(tiles, 5)).toMatchObject({ url: '/media/s/f/p/tiles-0.jpg', x: 160, y: 0 });
		expect(tileAt(tiles, 3_700)).toMatchObject({ start: 3_600, y: 90 });
		expect(tileAt([], 5)).toBeNull();
	});
	it('takes nothing from a list that points elsewhere', () => {
		expect(readTiles('WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nhttps://evil.example/x.jpg#xywh=0,0,1,1\n', '/media/')).toEqual([]);
	});
});

describe('words', () => {
	it('writes times and titles as people do', () => {
		expect([clock(40), clock(3_725), clock(Number.NaN)]).toEqual(['0:40', '1:02:05', '0:00']);
		expect(split(6_480_000)).toEqual({ hours: 1, minutes: 48 });
		expect(titleOf('2026-11_Wochenstart.mp4')).toBe('2026-11 Wochenstart');
	});
});
