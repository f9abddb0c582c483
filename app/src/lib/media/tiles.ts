/** The pictures of the scrub bar: WebVTT whose cues name a part of a sheet (`tiles-0.jpg#xywh=160,0,160,90`). */
export const TILES_MAX = 1_000;

export interface TilePicture {
	start: number;
	end: number;
	url: string;
	x: number;
	y: number;
	width: number;
	height: number;
}

const CUE = /^(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})\n([\w-]+\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;

/** The pictures that a list names; sheets lie in `folder`. */
export function readTiles(text: string, folder: string): TilePicture[] {
	const found: TilePicture[] = [];
	for (const match of text.matchAll(CUE)) {
		const [h1, m1, s1, f1, h2, m2, s2, f2] = match.slice(1, 9).map(Number) as [number, number, number, number, number, number, number, number];
		const [x, y, width, height] = match.slice(10).map(Number) as [number, number, number, number];
		found.push({ start: h1 * 3600 + m1 * 60 + s1 + f1 / 1000, end: h2 * 3600 + m2 * 60 + s2 + f2 / 1000, url: folder + match[9], x, y, width, height });
		if (found.length >= TILES_MAX) break;
	}
	return found;
}

/** The picture for a time; the nearest one before it. */
export function tileAt(tiles: readonly TilePicture[], seconds: number): TilePicture | null {
	let low = 0;
	let high = tiles.length - 1;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if (tiles[middle]!.start <= seconds) low = middle;
		else high = middle - 1;
	}
	return tiles[low] ?? null;
}
