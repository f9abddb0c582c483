/**
 * The rooms' code is there before somebody goes in. It comes out of the shell that this browser keeps, so nothing is
 * transferred; until there is one, a room's code comes when a pointer rests on its link.
 */
import { preloadCode } from '$app/navigation';
import type { SpaceId } from '$lib/base';
import * as places from './places';

const IDLE_TIMEOUT_MS = 5_000;
/** In the order in which they are likely to be wanted. The space stands for all of them: the route is what counts. */
const ROOMS = [places.conversation('any' as SpaceId), places.talks, places.films, places.meetings, places.people, places.account];

export async function loadAhead(): Promise<void> {
	if (!(await isKept())) return;
	for (const room of ROOMS) {
		await idle();
		try {
			await preloadCode(room);
		} catch {
			return; // The browser cleared what it kept: a room's code comes when it is wanted, as on a first visit.
		}
	}
}

/** Resolves once a service worker answers for this page; false where there is none. */
async function isKept(): Promise<boolean> {
	const workers = navigator.serviceWorker;
	if (!workers) return false;
	await workers.ready;
	if (workers.controller === null) await new Promise((resolve) => workers.addEventListener('controllerchange', resolve, { once: true }));
	return true;
}

function idle(): Promise<void> {
	return new Promise((resolve) => {
		if (typeof requestIdleCallback === 'function') requestIdleCallback(() => resolve(), { timeout: IDLE_TIMEOUT_MS });
		else setTimeout(resolve, 200);
	});
}
