/** Where everybody's picture stands: in the order of joining, so that nothing jumps; as large as the stage allows. Pure. */

export interface Grid {
	columns: number;
	rows: number;
	/** Pixels. */
	width: number;
	height: number;
}

const RATIO = 16 / 9;

/** The grid whose tiles are largest on a stage of this size (pixels). */
export function gridOf(count: number, width: number, height: number, gap = 8): Grid {
	let best: Grid = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
	for (let columns = 1; columns <= Math.max(1, count); columns++) {
		const rows = Math.ceil(Math.max(1, count) / columns);
		const across = (width - gap * (columns - 1)) / columns;
		const down = (height - gap * (rows - 1)) / rows;
		const tile = Math.max(0, Math.min(across, down * RATIO));
		if (tile > best.width) best = { columns, rows, width: Math.floor(tile), height: Math.floor(tile / RATIO) };
	}
	return best;
}

/** Simulcast layer for a picture shown this high (device pixels): 0 up to a quarter of the camera, 2 above half. */
export function layerFor(height: number): number {
	if (height <= 0) return 0;
	return height > 400 ? 2 : height > 200 ? 1 : 0;
}

/** Somebody whose place depends on when they came. */
export interface Placed {
	id: string;
	joined_at: number;
}

/** The order of tiles: who came first stands first; ties by id, so that every screen agrees. */
export function inOrder<Person extends Placed>(people: readonly Person[]): Person[] {
	return [...people].sort((first, second) => first.joined_at - second.joined_at || (first.id < second.id ? -1 : 1));
}
