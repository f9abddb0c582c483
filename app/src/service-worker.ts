/// <reference types="@sveltejs/kit" />
/// <reference lib="webworker" />
/**
 * The service worker: the app opens without a network, and pictures that were seen stay visible.
 *
 * The shell of a version is put away as a whole or not at all; the version before stays, and comes back where the new one
 * does not open.
 * It never answers for /api and /live. What is missing of /blobs and /media, because the own provider is away, it asks
 * another one for. A kept page may speak to the providers that are known today.
 */
import { base, build, files, prerendered, version } from '$service-worker';
import { fromAnywhere, heedNote, othersNow } from './lib/base/shell/elsewhere';
import { heard, opening, takenOver, type Trial, type WellNote } from './lib/base/shell/trial';
import { unpacked } from './lib/base/shell/pack';
import { allowedIn, isPicture, isShell, PICTURES, PICTURES_MAX, policyFor, routeOf, shellCache, staleCaches } from './lib/base/shell/routes';

const worker = self as unknown as ServiceWorkerGlobalScope;
const SHELL = shellCache(version);
const INDEX = `${base}/`;
const PACK = `${base}/shell.pack`;
const ASSETS = [...new Set([...build, ...files, ...prerendered])].filter((path) => !path.endsWith('.map'));
const FETCHES_MAX = 8;
const ASKED_MS = 2_000;
/** Where it is remembered how the newest shell does. */
const TRIAL = 'verbund-trial';

worker.addEventListener('install', (event) => {
	event.waitUntil(
		fill().catch(async (error: unknown) => {
			await caches.delete(SHELL);
			throw error;
		})
	);
});

worker.addEventListener('activate', (event) => {
	event.waitUntil(takeOver());
});

worker.addEventListener('message', (event) => {
	if (event.data === 'take over') void worker.skipWaiting();
	else if (event.data === 'serve me') event.waitUntil(worker.clients.claim());
	else if ((event.data as WellNote | null)?.sort === 'well') event.waitUntil(isWell(event.data as WellNote));
	else heedNote(event.data);
});

worker.addEventListener('fetch', (event) => {
	const { request } = event;
	switch (routeOf(request, location.origin, base)) {
		case 'asset':
			return event.respondWith(fromShell(request));
		case 'page':
			return event.respondWith(page(request));
		case 'picture':
			return event.respondWith(picture(event));
		case 'bytes':
			return event.respondWith(fromAnywhere(request));
	}
});

/** All of the version, or an error. Immutable files of the version before are taken over instead of loaded again. */
async function fill(): Promise<void> {
	const isFirst = !(await caches.keys()).some(isShell);
	const cache = await caches.open(SHELL);
	const pack = isFirst ? await inOne() : new Map<string, Response>();
	const queue = [INDEX, ...ASSETS];
	const line = async (): Promise<void> => {
		for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
			const held = !isFirst && path.includes('/_app/immutable/') ? await caches.match(path) : undefined;
			const response = held ?? pack.get(path) ?? (await fetch(path, { cache: 'no-cache', credentials: 'same-origin' }));
			if (!response.ok || response.redirected) throw new Error(`${path}: ${response.status}`);
			await cache.put(path, response);
		}
	};
	await Promise.all(Array.from({ length: FETCHES_MAX }, line));
}

/** Where there is nothing yet, all comes in one answer; without it each file is asked for. */
async function inOne(): Promise<Map<string, Response>> {
	try {
		return await unpacked(await fetch(PACK, { cache: 'no-cache', credentials: 'same-origin' }), base);
	} catch (error) {
		console.warn('the app did not come in one', error);
		return new Map();
	}
}

async function takeOver(): Promise<void> {
	const trial = takenOver(version, await readTrial());
	await writeTrial(trial);
	const kept = [trial.version, trial.before].filter((one) => one !== null).map(shellCache);
	for (const name of staleCaches(await caches.keys(), kept)) await caches.delete(name);
	await worker.clients.claim();
}

async function isWell(note: WellNote): Promise<void> {
	const trial = heard(takenOver(version, await readTrial()), note);
	await writeTrial(trial);
}

/** The version that a page opens with. */
async function chosen(): Promise<string> {
	const before = takenOver(version, await readTrial());
	const next = opening(before, Date.now());
	if (next.trial !== before) await writeTrial(next.trial);
	return next.version;
}

async function readTrial(): Promise<Trial | undefined> {
	const held = await (await caches.open(TRIAL)).match(INDEX);
	return (await held?.json()) as Trial | undefined;
}

/** A full disk means that it is not remembered. */
async function writeTrial(trial: Trial): Promise<void> {
	await (await caches.open(TRIAL)).put(INDEX, Response.json(trial)).catch(() => undefined);
}

async function fromShell(request: Request): Promise<Response> {
	const options = { ignoreSearch: true };
	const cache = await caches.open(SHELL);
	return (await cache.match(request, options)) ?? (await beforeHas(request, options)) ?? fetch(request);
}

/** What only the version before needs. */
async function beforeHas(request: Request, options: CacheQueryOptions): Promise<Response | undefined> {
	const { before = null } = (await readTrial()) ?? {};
	return before === null ? undefined : (await caches.open(shellCache(before))).match(request, options);
}

/** The shell for every address; its router decides. Fresh from the network only when it is not held. */
async function page(request: Request): Promise<Response> {
	const cache = await caches.open(shellCache(await chosen()));
	const held = await cache.match(INDEX);
	if (held === undefined) return fetch(request);
	const headers = new Headers(held.headers);
	const policy = headers.get('content-security-policy');
	if (policy !== null) headers.set('content-security-policy', await policyNow(policy, request.url));
	return new Response(held.body, { status: held.status, headers });
}

/** The signed list says where a page may speak to; where none is kept yet, the own provider knows who asks. */
async function policyNow(policy: string, url: string): Promise<string> {
	const others = await othersNow();
	if (others !== null) return policyFor(policy, location.origin, others.map((host) => host.url));
	const own = policyFor(policy, location.origin, []);
	const asked = fetch(url, { method: 'HEAD', cache: 'no-store', credentials: 'same-origin', redirect: 'error', signal: AbortSignal.timeout(ASKED_MS) });
	const allowed = allowedIn((await asked.catch(() => null))?.headers.get('content-security-policy') ?? '');
	return allowed === null ? own : own.replace(/connect-src [^;]*/, () => allowed);
}

async function picture(event: FetchEvent): Promise<Response> {
	const cache = await caches.open(PICTURES);
	const held = await cache.match(event.request);
	if (held) return held;
	const response = await fromAnywhere(event.request);
	if (isPicture(response)) event.waitUntil(keep(cache, event.request, response.clone()));
	return response;
}

/** Oldest out. A full disk means that this one is not kept. */
async function keep(cache: Cache, request: Request, response: Response): Promise<void> {
	try {
		await cache.put(request, response);
		const held = await cache.keys();
		for (const oldest of held.slice(0, Math.max(0, held.length - PICTURES_MAX))) await cache.delete(oldest);
	} catch (error) {
		console.warn('a picture was not kept', error);
	}
}
