/** The pictures that the service worker keeps. */
import { PICTURES } from './routes';

/** After signing out nothing of them stays. */
export async function forgetPictures(): Promise<void> {
	await globalThis.caches?.delete(PICTURES);
}
