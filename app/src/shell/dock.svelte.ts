/** What keeps running while one walks on: a call, a film. Shown small at the edge of every room. */
import { untrack, type Component } from 'svelte';

export interface Docked {
	id: string;
	view: Component<Record<string, unknown>>;
	props: Record<string, unknown>;
}

const DOCKED_MAX = 2;

/** May be called inside effects: it does not read what it writes. */
class Dock {
	list = $state.raw<Docked[]>([]);

	/** Puts something into the dock, or replaces what has the same id. */
	show<Props extends Record<string, unknown>>(id: string, view: Component<Props>, props: Props): void {
		const one = { id, view: view as unknown as Docked['view'], props };
		const held = untrack(() => this.list);
		this.list = [...held.filter((docked) => docked.id !== id), one].slice(-DOCKED_MAX);
	}

	clear(id: string): void {
		const held = untrack(() => this.list);
		if (held.some((docked) => docked.id === id)) this.list = held.filter((docked) => docked.id !== id);
	}
}

export const dock = new Dock();
