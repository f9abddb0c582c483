/** Five ways in which the own provider does not give a file, with a real provider that has it too. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { b64 } from '../b64';
import { freshBrowser } from '../testing/people';
import { Browser, RealProvider } from '../testing/real';
import { until } from '../testing/eventually';
import type { KeptHosts } from '../hostlist';
import { Signatory } from '../testing/signatory';
import type { BlobHash, ProviderId } from '../types';

const START_TIMEOUT_MS = 120_000;
const BYTES = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251);

let suednetz: RealProvider;
let werkhof: Server;
let origin: string;
let path: string;
let etag: string;
let ways: ((response: ServerResponse) => void)[];
let elsewhere: typeof import('./elsewhere');

beforeAll(async () => {
	freshBrowser();
	suednetz = await RealProvider.start();
	const anna = new Browser(suednetz, 'anna');
	await anna.register({ setup: suednetz.token, firm: 'Tischlerei Lindner' });
	const sync = anna.sync();
	await sync.start();
	await until(() => sync.state === 'online');
	const hash: BlobHash = await (await sync.uploads.add(sync.me.organisation!, new File([BYTES], 'plan.bin'))).done;
	await sync.post(sync.me.organisation!, 'chat.message_posted.1', {
		channel: null, text: 'Plan', mentions: [], files: [{ hash, name: 'plan.bin', type: '', size: BYTES.length }], blobs: [hash], reply_to: null
	});
	await until(() => sync.waiting === 0);
	path = `/blobs/${sync.me.organisation!}/${hash}`;
	await sync.stop();

	werkhof = createServer((_request, response) => (ways.shift() ?? (() => response.destroy()))(response));
	await new Promise<void>((resolve) => werkhof.listen(0, '127.0.0.1', resolve));
	origin = `http://127.0.0.1:${(werkhof.address() as AddressInfo).port}`;
	vi.stubGlobal('self', { location: { origin } });
	// The service worker finds the store by its name; the tests' browsers have others.
	const { Store } = await import('../store');
	const kept = await Store.open();
	const host = { provider: 'S' as ProviderId, name: 'Südnetz', url: suednetz.origin };
	await kept.setMeta('hosts', { device: anna.device.id, signed: await (await Signatory.make()).sign(sync.me.account.id, [{ ...host, url: origin }, host]) });
	await kept.setMeta('device', await anna.store.meta('device'));
	kept.close();
	const head = await fetch(suednetz.origin + path, { headers: { cookie: anna.cookie } });
	etag = head.headers.get('etag')!;
	await head.arrayBuffer();
}, START_TIMEOUT_MS);

afterAll(async () => {
	werkhof?.closeAllConnections();
	werkhof?.close();
	await suednetz?.end();
	vi.unstubAllGlobals();
});

beforeEach(async () => {
	vi.resetModules();
	elsewhere = await import('./elsewhere');
});

async function gets(headers: Record<string, string> = {}): Promise<{ status: number; bytes: string }> {
	const response = await elsewhere.fromAnywhere(new Request(origin + path, { headers }));
	return { status: response.status, bytes: b64(new Uint8Array(await response.arrayBuffer())) };
}

const all = { status: 200, bytes: b64(BYTES) };
const head = (response: ServerResponse, length: number): ServerResponse => response.writeHead(200, { 'content-length': length, etag });

it.each([
	['refuses', (response: ServerResponse) => void response.destroy()],
	['knows it not', (response: ServerResponse) => void response.writeHead(404).end()],
	['is too busy', (response: ServerResponse) => void response.writeHead(503).end()],
	['says nothing', () => {}],
	['stops in the middle', (response: ServerResponse) => void head(response, BYTES.length).write(BYTES.slice(0, 120_000))],
	['ends in the middle', (response: ServerResponse) => void head(response, BYTES.length).write(BYTES.slice(0, 120_000), () => response.destroy())]
])('the own provider %s, and another one gives the file whole', async (_name, way) => {
	ways = [way];
	expect(await gets()).toEqual(all);
});

it('a part of it is that part', async () => {
	ways = [];
	expect(await gets({ range: 'bytes=1000-1999' })).toEqual({ status: 206, bytes: b64(BYTES.slice(1000, 2000)) });
});

it('the own provider gives it where it can, and is asked alone', async () => {
	ways = [(response) => void head(response, 5).end('Hallo')];
	expect(await gets()).toEqual({ status: 200, bytes: b64(new TextEncoder().encode('Hallo')) });
});

it('what is not the same file is not put together', async () => {
	ways = [(response) => void response.writeHead(200, { 'content-length': BYTES.length, etag: '"another"' }).write(BYTES.slice(0, 1000), () => response.destroy())];
	await expect(gets()).rejects.toThrow();
});

it('what nobody has is not there', async () => {
	ways = [(response) => void response.writeHead(404).end()];
	const response = await elsewhere.fromAnywhere(new Request(`${origin}${path.slice(0, -1)}${path.endsWith('A') ? 'E' : 'A'}`));
	expect(response.status).toBe(404);
});

it('a tab that stands elsewhere spares the own provider', async () => {
	ways = [(response) => void head(response, 5).end('Hallo')];
	elsewhere.heedNote({ sort: 'host', url: suednetz.origin });
	expect(await gets()).toEqual(all);
	expect(ways).toHaveLength(1);
});

it('to an address that no signed list names nothing is sent', async () => {
	const { Store } = await import('../store');
	const kept = await Store.open();
	const held = (await kept.meta<KeptHosts>('hosts'))!;
	const sent = vi.spyOn(globalThis, 'fetch');
	try {
		await kept.setMeta('hosts', { ...held, signed: { ...held.signed, said: held.signed.said.replace(suednetz.origin, 'https://strange.example') } });
		expect(await elsewhere.othersNow()).toBeNull();
		ways = [(response) => void response.destroy()];
		await expect(gets()).rejects.toThrow();
		expect(sent.mock.calls.map(([request]) => new URL(request instanceof Request ? request.url : String(request)).origin)).not.toContain('https://strange.example');
		await kept.setMeta('hosts', { ...held, device: 'of somebody else' });
		expect(await elsewhere.othersNow()).toBeNull();
	} finally {
		sent.mockRestore();
		await kept.setMeta('hosts', held);
		kept.close();
	}
	expect((await elsewhere.othersNow())!.map(({ url }) => url)).toEqual([suednetz.origin]);
});
