/** The space that the list stands in, for what lies deep inside it. */
import { getContext, setContext } from 'svelte';
import type { SpaceId } from '$lib/base';

const KEY = Symbol('space');

export function provideSpace(space: () => SpaceId): void {
	setContext(KEY, space);
}

export function useSpace(): SpaceId {
	return getContext<() => SpaceId>(KEY)();
}
