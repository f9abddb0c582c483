/** In which order the providers of a call are asked for it. Pure: everybody in the call comes to the same answer. */
import type { ProviderId } from '$lib/base';

/** From the next one after `place` around to `place` itself, in the order of their ids; `place` need not be among them. */
export function placesAfter(place: ProviderId, places: readonly ProviderId[]): ProviderId[] {
	const ordered = [...new Set([...places, place])].sort();
	const at = ordered.indexOf(place);
	return [...ordered.slice(at + 1), ...ordered.slice(0, at + 1)];
}
