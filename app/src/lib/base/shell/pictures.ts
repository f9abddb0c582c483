/** The pictures that the service worker keeps. */
import type { SpaceId } from '../types';
import { PICTURES } from './routes';

/** Of a space that the person has left; all of them after signing out. */
export async function forgetPictures(space?: SpaceId): Promise<void> {
	if (globalThis.caches === undefined) return;
	if (space === undefined) return void (await caches.delete(PICTURES));
	const cache = await caches.open(PICTURES);
	for (const { url } of await cache.keys()) {
		if (new URL(url).pathname.startsWith(`/blobs/${space}/`)) await cache.delete(url);
	}
}
