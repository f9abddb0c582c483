/** The service worker's way to another provider: files, pictures and films when the page's own one does not answer. */
import { readHosts, type KeptHosts } from '../hostlist';
import { Hosts } from '../hosts';
import { sign, verifyInWorker } from '../keys';
import { NAME, type StoredDevice } from '../store/schema';
import type { Host } from '../types';
import { otherHosts, type WorkerNote } from '../way';

/** The head of an answer must be here by then, or another provider is asked. */
export const HEAD_MS = 2_500;
/** Of a film nothing has to be made first, and somebody waits who jumped to where nothing is loaded. */
export const FILM_HEAD_MS = 1_200;
/** So long nothing more of an answer comes, and the rest is asked of another provider. */
export const STALL_MS = 1_000;
/** So long a provider that did not answer is asked last. */
const AWAY_MS = 10_000;
const AWAY = [404, 502, 503, 504];
/** A longer header would have to be allowed by name (Fetch, "CORS-safelisted request-header"); that of a navigation is. */
const SAFE_CHARS_MAX = 128;
const PASSED_ON = ['accept', 'range', 'if-range'];

interface Kept {
	hosts?: KeptHosts;
	device?: StoredDevice;
}

const NOTHING: Kept = {};
let told: string | null = null;
let awayUntil = 0;
let entered: { device: string; hosts: Hosts } | null = null;

/** A tab says who stands in. */
export function heedNote(note: unknown): void {
	const { sort, url } = (note ?? {}) as Partial<WorkerNote>;
	if (sort !== 'host') return;
	told = url ?? null;
	awayUntil = 0;
}

/** The other providers, as the own one signed them last; null where nobody is signed in who was told. */
export async function othersNow(): Promise<Host[] | null> {
	return listed(await kept().catch(() => NOTHING));
}

/** Only what a page has verified is kept; it is verified again here where the browser can. */
async function listed({ hosts, device }: Kept): Promise<Host[] | null> {
	if (hosts === undefined || hosts.device !== device?.id) return null;
	try {
		return otherHosts((await readHosts(hosts.signed, verifyInWorker)).hosts, self.location.origin);
	} catch (error) {
		console.warn('the kept list of providers does not prove itself and is not used', error);
		return null;
	}
}

/** From the own provider, or from the first other one that has it. */
export async function fromAnywhere(request: Request): Promise<Response> {
	const isAway = told !== null || Date.now() < awayUntil;
	const first = isAway ? null : await own(request);
	if (first !== null && !AWAY.includes(first.status)) return whole(request, first);
	if (first === null && !isAway) awayUntil = Date.now() + AWAY_MS;
	return (await fromOthers(request)) ?? first ?? fetch(request);
}

/** What stops in the middle goes on from another provider, if that one has the very same file. */
function whole(request: Request, response: Response): Response {
	const span = spanOf(response);
	if (span === null || response.body === null) return response;
	let reader = response.body.getReader();
	let left = span.last - span.first + 1;
	let isRescued = false;
	const next = async (): Promise<Uint8Array | undefined> => {
		try {
			const { value } = await within(reader.read(), STALL_MS);
			if (value === undefined && left > 0) throw new Error('cut short');
			return value;
		} catch (error) {
			void reader.cancel().catch(() => undefined);
			if (isRescued || request.signal.aborted) throw error;
			isRescued = true;
			awayUntil = Date.now() + AWAY_MS;
			const rest = await fromOthers(request, `bytes=${span.last + 1 - left}-${span.last}`);
			const isSame = rest?.status === 206 && rest.headers.get('etag') === response.headers.get('etag');
			if (!isSame || rest.body === null) throw error;
			reader = rest.body.getReader();
			return next();
		}
	};
	const body = new ReadableStream<Uint8Array>({
		pull: async (controller) => {
			const piece = await next();
			if (piece === undefined) return controller.close();
			left -= piece.length;
			controller.enqueue(piece);
		},
		cancel: (reason) => reader.cancel(reason)
	});
	return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
}

/** Which bytes of the file an answer brings; null where it does not say, or is no answer that could go on elsewhere. */
function spanOf({ status, headers }: Response): { first: number; last: number } | null {
	if (headers.get('etag') === null) return null;
	const range = /^bytes (\d+)-(\d+)\//.exec(headers.get('content-range') ?? '');
	if (status === 206) return range && { first: Number(range[1]), last: Number(range[2]) };
	const length = Number(headers.get('content-length') ?? '0');
	return status === 200 && length > 0 ? { first: 0, last: length - 1 } : null;
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
	let timer: ReturnType<typeof setTimeout>;
	const late = new Promise<never>((_resolve, reject) => (timer = setTimeout(() => reject(new Error('stalled')), ms)));
	return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Null when nothing comes in time. */
async function own(request: Request): Promise<Response | null> {
	const stopper = new AbortController();
	const isFilm = new URL(request.url).pathname.startsWith('/media/');
	const timer = setTimeout(() => stopper.abort(), isFilm ? FILM_HEAD_MS : HEAD_MS);
	try {
		return await fetch(request.clone(), { signal: AbortSignal.any([request.signal, stopper.signal]) });
	} catch (error) {
		if (request.signal.aborted) throw error;
		return null;
	} finally {
		clearTimeout(timer);
	}
}

async function fromOthers(request: Request, range?: string): Promise<Response | null> {
	const held = await kept().catch(() => NOTHING);
	const { device } = held;
	if (device === undefined) return null;
	if (entered?.device !== device.id) entered = { device: device.id, hosts: new Hosts({ id: device.id, sign: (message) => sign(device.alg, device.secret, message) }) };
	const others = ((await listed(held)) ?? []).sort((a, b) => Number(b.url === told) - Number(a.url === told));
	for (const host of others) {
		const response = await from(entered.hosts, host, request, range).catch(() => null);
		// Made anew: a page may not be given what came from another origin as it is.
		if (response?.ok) return new Response(response.body, { status: response.status, statusText: response.statusText, headers: response.headers });
		if (response?.status === 401) entered.hosts.forget(host.url);
	}
	return null;
}

async function from(hosts: Hosts, { url }: Host, request: Request, range?: string): Promise<Response> {
	const { pathname, search } = new URL(request.url);
	const headers = new Headers({ authorization: `Bearer ${await hosts.token(url)}` });
	for (const name of PASSED_ON) {
		const value = request.headers.get(name);
		if (value !== null && value.length <= SAFE_CHARS_MAX) headers.set(name, value);
	}
	if (range !== undefined) headers.set('range', range);
	return fetch(url + pathname + search, { headers, signal: request.signal, credentials: 'omit', redirect: 'error' });
}

/** What the page keeps. Never makes or changes the store. */
function kept(): Promise<Kept> {
	return new Promise((resolve, reject) => {
		const opening = indexedDB.open(NAME);
		opening.onupgradeneeded = () => opening.transaction?.abort();
		opening.onerror = () => reject(opening.error);
		opening.onsuccess = () => {
			const db = opening.result;
			const meta = db.transaction('meta').objectStore('meta');
			const [hosts, device] = [meta.get('hosts'), meta.get('device')] as [IDBRequest<KeptHosts>, IDBRequest<StoredDevice>];
			meta.transaction.oncomplete = () => {
				db.close();
				resolve({ hosts: hosts.result, device: device.result });
			};
			meta.transaction.onabort = () => {
				db.close();
				reject(meta.transaction.error);
			};
		};
	});
}
