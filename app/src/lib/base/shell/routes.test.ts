import { describe, expect, it } from 'vitest';
import { isPicture, PICTURE_BYTES_MAX, policyFor, routeOf, shellCache, staleCaches, type Route } from './routes';

const ORIGIN = 'https://verbund.example';
const HASH = 'A'.repeat(43);

function ask(url: string, over: { method?: string; mode?: RequestMode; headers?: Record<string, string> } = {}): Route {
	const { method = 'GET', mode = 'cors', headers = {} } = over;
	return routeOf({ method, mode, url: new URL(url, ORIGIN).href, headers: new Headers(headers) }, ORIGIN, '');
}

describe('the service worker', () => {
	it.each(['/', '/heute', '/mediathek', `/bereich/${HASH}`, '/anmelden?weiter=%2F'])('answers %s with the shell', (url) => {
		expect(ask(url, { mode: 'navigate' })).toBe('page');
	});

	it.each(['/_app/immutable/entry/start.js', '/favicon.svg', '/manifest.webmanifest'])('takes %s from the shell', (url) => {
		expect(ask(url)).toBe('asset');
	});

	it.each([
		'/api/me', '/api', '/live', '/service-worker.js', 'https://elsewhere.example/x.js'
	])('never answers for %s', (url) => {
		expect(ask(url)).toBe('network');
		expect(ask(url, { mode: 'navigate' })).toBe('network');
	});

	it.each(['/media/a/b/master.m3u8', `/blobs/${HASH}/${HASH}`, `/blobs/${HASH}/have?as=preview`])('asks another provider for %s where it must', (url) => {
		expect(ask(url)).toBe('bytes');
		expect(ask(url, { method: 'POST' })).toBe('network');
	});

	it('lets a kept page speak to the providers of today, and to nobody else', () => {
		const kept = "default-src 'self'; connect-src 'self' https://gone.example wss://gone.example; img-src 'self'";
		const today = policyFor(kept, ORIGIN, ['https://suednetz.example']);
		expect(today).toBe("default-src 'self'; connect-src 'self' https://verbund.example wss://verbund.example https://suednetz.example wss://suednetz.example; img-src 'self'");
		expect(policyFor("default-src 'self'", ORIGIN, [])).toBe("default-src 'self'");
	});

	it('keeps previews, but no ranges, no originals, nothing that is written', () => {
		const preview = `/blobs/${HASH}/${HASH}?as=preview&w=640`;
		expect(ask(preview)).toBe('picture');
		expect(ask(preview, { headers: { range: 'bytes=0-' } })).toBe('bytes');
		expect(ask(preview, { method: 'POST' })).toBe('network');
		expect(ask('/', { method: 'POST', mode: 'navigate' })).toBe('network');
	});

	it('lets go only of shells of other versions', () => {
		const names = [shellCache('1'), shellCache('2'), shellCache('3'), 'verbund-pictures', 'somebody-else'];
		expect(staleCaches(names, [shellCache('2'), shellCache('3')])).toEqual([shellCache('1')]);
	});

	it.each([
		['a picture', 200, { 'content-type': 'image/webp', 'content-length': '10' }, true],
		['a refusal', 404, { 'content-type': 'image/webp', 'content-length': '10' }, false],
		['a part', 206, { 'content-type': 'image/webp', 'content-length': '10' }, false],
		['a page', 200, { 'content-type': 'text/html', 'content-length': '10' }, false],
		['something of unknown size', 200, { 'content-type': 'image/webp' }, false],
		['a huge one', 200, { 'content-type': 'image/webp', 'content-length': String(PICTURE_BYTES_MAX + 1) }, false]
	])('%s is kept or not', (_name, status, headers, kept) => {
		expect(isPicture({ status, headers: new Headers(headers as Record<string, string>), redirected: false })).toBe(kept);
	});
});
