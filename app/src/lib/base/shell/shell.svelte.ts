/** The cached shell: registers the service worker, and says when a newer version is complete. */
import { scriptUrl } from '../trusted';

/** A tab that stays open looks for a newer version so often. */
export const LOOK_EVERY_MS = 30 * 60_000;
const SCRIPT = '/service-worker.js';

class Shell {
	/** Reactive: a newer version waits. */
	updateReady = $state(false);
	#waiting: ServiceWorker | null = null;

	/** Change to the newer version: this page and the other tabs load again. */
	update(): void {
		this.#waiting?.postMessage('take over');
	}

	watch(registration: ServiceWorkerRegistration): void {
		const offer = (worker: ServiceWorker | null): void => {
			if (worker?.state !== 'installed' || navigator.serviceWorker.controller === null) return;
			this.#waiting = worker;
			this.updateReady = true;
		};
		offer(registration.waiting);
		registration.addEventListener('updatefound', () => {
			const worker = registration.installing;
			worker?.addEventListener('statechange', () => offer(worker));
		});
	}
}

export const shell = new Shell();

/** Does nothing where there is no service worker. */
export async function registerShell(): Promise<void> {
	if (import.meta.env.DEV || !('serviceWorker' in navigator)) return;
	let hadOne = navigator.serviceWorker.controller !== null;
	let isLoading = false;
	navigator.serviceWorker.addEventListener('controllerchange', () => {
		if (hadOne && !isLoading) {
			isLoading = true;
			location.reload();
		}
		hadOne = true;
	});
	const registration = await navigator.serviceWorker.register(scriptUrl(SCRIPT), { updateViaCache: 'none' });
	shell.watch(registration);
	void askForIt();
	setInterval(() => void registration.update().catch(() => undefined), LOOK_EVERY_MS);
}

/** The first worker serves the pages that are there when it begins, not one that is just being opened, as after signing in. */
async function askForIt(): Promise<void> {
	const { active } = await navigator.serviceWorker.ready;
	if (navigator.serviceWorker.controller === null) active?.postMessage('serve me');
}
