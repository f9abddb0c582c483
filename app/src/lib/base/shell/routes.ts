/** Who answers for which address: what the service worker decides. Pure. */

export const PICTURES = 'verbund-pictures';
export const PICTURES_MAX = 200;
/** A preview above this is no preview. */
export const PICTURE_BYTES_MAX = 2 * 1024 * 1024;
const SHELL = 'verbund-shell-';
/** Paths of the provider, never of the shell. */
const PROVIDER = ['/api', '/live', '/blobs', '/media', '/exports', '/service-worker.js', '/.well-known'];

/** What another provider may have as well. */
const BYTES = ['/blobs/', '/media/', '/exports/'];

export type Route = 'asset' | 'page' | 'picture' | 'bytes' | 'network';

export function shellCache(version: string): string {
	return SHELL + version;
}

export function isShell(name: string): boolean {
	return name.startsWith(SHELL);
}

/** Shells of versions that are not kept. Caches of anybody else stay. */
export function staleCaches(names: readonly string[], kept: readonly string[]): string[] {
	return names.filter((name) => isShell(name) && !kept.includes(name));
}

/** What the provider answers itself is never the shell's, however it is asked for. */
export function routeOf(request: Pick<Request, 'method' | 'url' | 'mode' | 'headers'>, origin: string, base: string): Route {
	const url = new URL(request.url);
	if (request.method !== 'GET' || url.origin !== origin) return 'network';
	const path = url.pathname.slice(base.length);
	const isProviders = PROVIDER.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
	if (isProviders && isPreview(path, url) && !request.headers.has('range')) return 'picture';
	if (isProviders) return BYTES.some((prefix) => path.startsWith(prefix)) ? 'bytes' : 'network';
	return request.mode === 'navigate' ? 'page' : 'asset';
}

export function isPicture(response: Pick<Response, 'status' | 'headers' | 'redirected'>): boolean {
	const length = Number(response.headers.get('content-length') ?? '0');
	const isImage = (response.headers.get('content-type') ?? '').startsWith('image/');
	return response.status === 200 && !response.redirected && isImage && length > 0 && length <= PICTURE_BYTES_MAX;
}

/** The content policy of a kept page names the providers of today, not those of the day when it was kept. */
export function policyFor(policy: string, own: string, others: readonly string[]): string {
	const named = [own, ...others].flatMap((origin) => [origin, origin.replace(/^http/, 'ws')]);
	return policy.replace(/connect-src [^;]*/, () => `connect-src 'self' ${named.join(' ')}`);
}

/** Where a policy says that a page may speak to. */
export function allowedIn(policy: string): string | null {
	return /connect-src [^;]*/.exec(policy)?.[0] ?? null;
}

function isPreview(path: string, url: URL): boolean {
	return /^\/blobs\/[\w-]{43}\/[\w-]{43}$/.test(path) && url.searchParams.get('as') === 'preview';
}
