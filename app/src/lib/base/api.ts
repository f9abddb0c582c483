/**
 * HTTP with the page's own provider, or with the one that stands in for it: JSON, problem documents (RFC 9457) become
 * ApiError. Where the provider changes, what is under way is ended, and what only asks is asked again.
 */
import { ApiError, NotCanonical, Offline, pageLanguage } from './errors';
import type { Way } from './hosts';

export const TIMEOUT_MS = 30_000;
/** So long a question waits for another provider to answer it. */
export const TURN_MS = 3_000;

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Options {
	query?: Query;
	signal?: AbortSignal;
	timeoutMs?: number;
	headers?: Readonly<Record<string, string>>;
}

export interface Api {
	get<T>(path: string, options?: Options): Promise<T>;
	post<T>(path: string, body?: unknown, options?: Options): Promise<T>;
	put<T>(path: string, body?: unknown, options?: Options): Promise<T>;
	patch<T>(path: string, body?: unknown, options?: Options): Promise<T>;
	delete<T = void>(path: string, options?: Options): Promise<T>;
	/** Raw bytes out; for chunks. */
	putBytes<T = void>(path: string, bytes: Blob | Uint8Array<ArrayBuffer>, options?: Options): Promise<T>;
	/** Told when the session is over (401 with a session expected). */
	onSignedOut: (() => void) | null;
	/** From here on another provider is asked; null is the page's own. */
	turn(way: Way | null): void;
	/** Whether there is another provider that may take over. */
	hasOthers: () => boolean;
}

/** `origin` is empty in a page; tests and node name the server. */
export function makeApi(origin = '', send: typeof fetch = (...request) => fetch(...request)): Api {
	let way: Way | null = null;
	let turning = new AbortController();
	const request = async <T>(method: string, path: string, body: BodyInit | null, type: string, options: Options = {}): Promise<T> => {
		if (!path.startsWith('/') || path.startsWith('//')) throw new NotCanonical('only the own provider is asked');
		const asked = turning.signal;
		try {
			return await once<T>(method, path, body, type, options);
		} catch (error) {
			const isLost = error instanceof Offline && method === 'GET' && api.hasOthers();
			if (!isLost || !(await ends(asked, TURN_MS, options.signal))) throw error;
			return await once<T>(method, path, body, type, options);
		}
	};
	const once = async <T>(method: string, path: string, body: BodyInit | null, type: string, options: Options): Promise<T> => {
		const headers: Record<string, string> = { accept: 'application/json', 'accept-language': pageLanguage(), ...options.headers };
		if (body !== null) headers['content-type'] = type;
		const through = way;
		const signals = [AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS), turning.signal, ...(options.signal ? [options.signal] : [])];
		const signal = AbortSignal.any(signals);
		const credentials = through ? 'omit' : 'same-origin';
		const url = (through?.url ?? origin) + path + search(options.query);
		let response: Response;
		let raw: string;
		try {
			if (through) headers['authorization'] = `Bearer ${await through.token()}`;
			response = await send(url, { method, headers, body, signal, credentials, redirect: 'error' });
			if (through && response.status === 401) {
				through.forget();
				headers['authorization'] = `Bearer ${await through.token()}`;
				response = await send(url, { method, headers, body, signal, credentials, redirect: 'error' });
			}
			raw = await response.text();
		} catch (error) {
			if (options.signal?.aborted) throw options.signal.reason;
			throw new Offline(String(error));
		}
		if (response.ok) return (raw === '' ? undefined : parse(raw)) as T;
		// Only the own provider signs anybody out here.
		if (response.status === 401 && through) throw new Offline('not known there');
		if (response.status === 401) api.onSignedOut?.();
		throw problem(response.status, raw);
	};
	const json = <T>(method: string, path: string, body: unknown, options?: Options): Promise<T> =>
		request<T>(method, path, body === undefined ? null : JSON.stringify(body), 'application/json', options);
	const api: Api = {
		get: (path, options) => json('GET', path, undefined, options),
		post: (path, body, options) => json('POST', path, body, options),
		put: (path, body, options) => json('PUT', path, body, options),
		patch: (path, body, options) => json('PATCH', path, body, options),
		delete: (path, options) => json('DELETE', path, undefined, options),
		putBytes: (path, bytes, options) => request('PUT', path, bytes, 'application/octet-stream', options),
		onSignedOut: null,
		turn: (to) => {
			way = to;
			const before = turning;
			turning = new AbortController();
			before.abort(new Offline('another provider'));
		},
		hasOthers: () => false
	};
	return api;
}

/** The page's own provider. */
export const api = makeApi();

/** Whether the signal comes within this time, and nobody has given up before. */
function ends(signal: AbortSignal, ms: number, given: AbortSignal | undefined): Promise<boolean> {
	if (signal.aborted) return Promise.resolve(true);
	return new Promise((resolve) => {
		const over = (): void => {
			clearTimeout(timer);
			resolve(signal.aborted && !given?.aborted);
		};
		const timer = setTimeout(over, ms);
		signal.addEventListener('abort', over, { once: true });
		given?.addEventListener('abort', over, { once: true });
	});
}

function search(query: Query | undefined): string {
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query ?? {})) {
		if (value !== null && value !== undefined) params.set(name, String(value));
	}
	const text = params.toString();
	return text && `?${text}`;
}

function parse(raw: string): unknown {
	try {
		return JSON.parse(raw);
	} catch {
		throw new Offline('not the answer of a provider');
	}
}

function problem(status: number, raw: string): Error {
	let fields: Record<string, unknown> = {};
	try {
		fields = JSON.parse(raw) as Record<string, unknown>;
	} catch {
		// A proxy in between answers in HTML.
	}
	if (typeof fields['code'] !== 'string') return new Offline(`status ${status}`);
	return new ApiError(fields['code'], status, String(fields['detail'] ?? fields['title'] ?? fields['code']), fields);
}
