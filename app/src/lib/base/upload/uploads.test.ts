import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeApi } from '../api';
import { b64, randomBytes } from '../b64';
import { Store } from '../store';
import { eventually } from '../testing/eventually';
import { freshBrowser, WORKSHOP } from '../testing/people';
import { CHUNK_BYTES, hashFile, type Plan } from './hashing';
import { PARALLEL } from './send';
import { Uploads } from './uploads.svelte';

/** The blobs of a provider, the world outside: keeps chunks, counts, fails when told. */
class Shelf {
	readonly chunks = new Map<string, Uint8Array>();
	readonly whole = new Set<string>();
	puts = 0;
	together = 0;
	most = 0;
	away = false;
	refusal: { code: string; status: number } | null = null;
	/** Called before a chunk is taken. */
	before: () => Promise<void> | void = () => {};

	readonly api = makeApi('', async (input, init) => {
		init?.signal?.throwIfAborted();
		if (this.away) throw new TypeError('fetch failed');
		const path = String(input);
		if (this.refusal) return Response.json({ code: this.refusal.code, detail: 'nein' }, { status: this.refusal.status });
		if (path.includes('/chunks/')) return this.put(path.split('/').at(-1)!, init!.body as Uint8Array<ArrayBuffer>, init!.signal!);
		const plan = JSON.parse(String(init!.body)) as Plan;
		if (path.endsWith('/have')) {
			const missing = plan.chunks.flatMap((chunk, at) => (this.chunks.has(chunk) ? [] : [at]));
			return Response.json({ missing, complete: this.whole.has(plan.hash) });
		}
		const bytes = Buffer.concat(plan.chunks.map((chunk) => this.chunks.get(chunk)!));
		const hash = b64(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
		if (hash !== plan.hash) return Response.json({ code: 'blobs.wrong_hash' }, { status: 422 });
		this.whole.add(hash);
		return Response.json({ hash, size: plan.size });
	});

	async put(hash: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Response> {
		this.most = Math.max(this.most, (this.together += 1));
		await this.before();
		this.together -= 1;
		signal.throwIfAborted();
		this.puts += 1;
		expect(b64(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))).toBe(hash);
		this.chunks.set(hash, bytes);
		return new Response(null, { status: 204 });
	}
}

let shelf: Shelf;
let store: Store;
let open: Uploads[];

beforeEach(async () => {
	freshBrowser();
	shelf = new Shelf();
	store = await Store.open('uploads');
	open = [];
});

afterEach(() => open.forEach((uploads) => uploads.stop()));

function page(online: () => boolean = () => true): Uploads {
	const uploads = new Uploads(store, shelf.api, online);
	open.push(uploads);
	return uploads;
}

function fileOf(bytes: number, name = 'film.mp4'): File {
	const content = new Uint8Array(bytes);
	for (let at = 0; at < bytes; at += 65_536) content.set(randomBytes(Math.min(65_536, bytes - at)), at);
	return new File([content], name, { type: 'video/mp4' });
}

describe('reading a file', () => {
	it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])('of %i bytes gives its hash', async (size) => {
		const file = fileOf(size);
		const { hash, chunks } = await hashFile(file, () => {});
		expect(hash).toBe(b64(new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()))));
		expect(chunks.length).toBe(Math.max(1, Math.ceil(size / CHUNK_BYTES)));
	});
});

describe('an upload', () => {
	it('sends each chunk once, at most two at a time, and is done with its hash', async () => {
		const file = fileOf(4 * CHUNK_BYTES + 3);
		const upload = await page().add(WORKSHOP, file);
		expect(await upload.done).toBe((await hashFile(file, () => {})).hash);
		expect([shelf.puts, shelf.most, upload.progress, upload.state]).toEqual([5, PARALLEL, 1, 'done']);
		expect(await store.db.count('files')).toBe(0);
	});

	it('waits without a network; the file lies in the store meanwhile', async () => {
		let online = false;
		const uploads = page(() => online);
		const upload = await uploads.add(WORKSHOP, fileOf(10));
		await eventually(() => upload.state).toBe('waiting');
		expect(upload.hash).not.toBeNull();
		expect(await store.db.count('files')).toBe(1);
		online = true;
		uploads.resume();
		await upload.done;
		expect(shelf.puts).toBe(1);
	});

	it('goes on after a reload with what is missing', async () => {
		const before = page();
		let taken = 0;
		shelf.before = () => {
			taken += 1;
			if (taken > 2) before.stop();
		};
		const upload = await before.add(WORKSHOP, fileOf(5 * CHUNK_BYTES));
		await eventually(() => taken).toBeGreaterThan(2);
		const sent = shelf.puts;
		expect(sent).toBeLessThan(5);
		shelf.before = () => {};
		const after = page();
		await eventually(() => shelf.together).toBe(0);
		await after.restore();
		expect(after.list.map((one) => [one.id, one.name])).toEqual([[upload.id, 'film.mp4']]);
		expect(await after.list[0]!.done).toBe(upload.hash);
		expect(shelf.puts).toBe(5);
	});

	it('tries chunks again while the provider is away', async () => {
		const uploads = page();
		shelf.before = () => {
			shelf.before = () => {};
			throw new TypeError('fetch failed');
		};
		const upload = await uploads.add(WORKSHOP, fileOf(3));
		await upload.done;
		expect(shelf.puts).toBe(1);
	});

	it('that is refused says why, and can be tried again', async () => {
		shelf.refusal = { code: 'blobs.no_room', status: 413 };
		const upload = await page().add(WORKSHOP, fileOf(3));
		await eventually(() => [upload.state, upload.code, upload.detail]).toEqual(['failed', 'blobs.no_room', 'nein']);
		shelf.refusal = null;
		upload.retry();
		await upload.done;
		expect(upload).toMatchObject({ state: 'done', code: null });
	});

	it('that is cancelled ends and leaves nothing behind', async () => {
		const uploads = page(() => false);
		const upload = await uploads.add(WORKSHOP, fileOf(3));
		const end = expect(upload.done).rejects.toMatchObject({ code: 'blobs.cancelled' });
		await upload.cancel();
		await end;
		expect([upload.state, uploads.list, await store.db.count('uploads'), await store.db.count('files')]).toEqual(['cancelled', [], 0, 0]);
	});

	it('that was done just before a reload is still known', async () => {
		const upload = await page().add(WORKSHOP, fileOf(3));
		const hash = await upload.done;
		await eventually(async () => (await store.db.get('uploads', upload.id))?.isDone).toBe(true);
		const after = page();
		await after.restore();
		expect(await after.list[0]!.done).toBe(hash);
		expect(shelf.puts).toBe(1);
	});

	it('of a file that is gone says so', async () => {
		const upload = await page(() => false).add(WORKSHOP, fileOf(3));
		await eventually(() => upload.state).toBe('waiting');
		await store.db.clear('files');
		const after = page();
		await after.restore();
		expect(after.list[0]).toMatchObject({ state: 'failed', code: 'blobs.unreadable' });
	});
});
