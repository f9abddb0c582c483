/** What keeps running while one walks on: a call, a film. Shown small at the edge of every room. */
import type { Component } from 'svelte';

export interface Docked {
	id: string;
	view: Component<Record<string, unknown>>;
	props: Record<string, unknown>;
}

const DOCKED_MAX = 2;

class Dock {
	list = $state.raw<Docked[]>([]);

	/** Puts something into the dock, or replaces what has the same id. */
	show<Props extends Record<string, unknown>>(id: string, view: Component<Props>, props: Props): void {
		const one = { id, view: view as unknown as Docked['view'], props };
		this.list = [...this.list.filter((docked) => docked.id !== id), one].slice(-DOCKED_MAX);
	}

	clear(id: string): void {
		this.list = this.list.filter((docked) => docked.id !== id);
	}
}

export const dock = new Dock();
