/** HTTP with the own provider: JSON, same origin only, problem documents (RFC 9457) become ApiError. */
import { ApiError, NotCanonical, Offline, pageLanguage } from './errors';

export const TIMEOUT_MS = 30_000;

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
}

/** `origin` is empty in a page; tests and node name the server. */
export function makeApi(origin = '', send: typeof fetch = (...request) => fetch(...request)): Api {
	const request = async <T>(method: string, path: string, body: BodyInit | null, type: string, options: Options = {}): Promise<T> => {
		if (!path.startsWith('/') || path.startsWith('//')) throw new NotCanonical('only the own provider is asked');
		const headers: Record<string, string> = { accept: 'application/json', 'accept-language': pageLanguage(), ...options.headers };
		if (body !== null) headers['content-type'] = type;
		const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
		const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
		let response: Response;
		let raw: string;
		try {
			response = await send(origin + path + search(options.query), { method, headers, body, signal, credentials: 'same-origin', redirect: 'error' });
			raw = await response.text();
		} catch (error) {
			if (options.signal?.aborted) throw options.signal.reason;
			throw new Offline(String(error));
		}
		if (response.ok) return (raw === '' ? undefined : parse(raw)) as T;
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
		onSignedOut: null
	};
	return api;
}

/** The page's own provider. */
export const api = makeApi();

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
