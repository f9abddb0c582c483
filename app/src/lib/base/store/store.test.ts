import { beforeEach, describe, expect, it } from 'vitest';
import { Device } from '../device';
import { freshBrowser, randomSpace, WORKSHOP } from '../testing/people';
import { utf8 } from '../b64';
import { publicKey, verify } from '../keys';
import { applyRows, RowCollector } from './rows';
import { STEPS, VERSION } from './schema';
import { DRAFTS_MAX, Store } from './store';

beforeEach(freshBrowser);

async function write(store: Store, fill: (rows: RowCollector) => void): Promise<void> {
	const rows = new RowCollector(WORKSHOP);
	fill(rows);
	const tx = store.relaxed(['rows']);
	await applyRows(tx.objectStore('rows') as never, rows.ops);
	await tx.done;
}

describe('the store', () => {
	it('has a step for every version', () => {
		expect(Object.keys(STEPS).map(Number)).toEqual(Array.from({ length: VERSION }, (_, at) => at + 1));
	});

	it('keeps the key of the device, which never leaves it', async () => {
		const store = await Store.open();
		const made = await Device.create(store);
		store.close();
		const loaded = (await Device.load(await Store.open()))!;
		expect(loaded.id).toBe(made.id);
		const message = utf8('hallo');
		expect(await verify(publicKey(loaded.alg, loaded.key), await loaded.sign(message), message)).toBe(true);
		const { secret } = (await (await Store.open()).meta<{ secret: CryptoKey }>('device'))!;
		await expect(crypto.subtle.exportKey('pkcs8', secret)).rejects.toThrow();
	});

	it('starts anew with a new key: no number of the old one is used again', async () => {
		const store = await Store.open();
		const first = await Device.create(store);
		await store.db.put('chains', { space: WORKSHOP, ds: 7, dp: null, heads: [], pending: null });
		const second = await Device.create(store);
		expect(second.id).not.toBe(first.id);
		expect(await store.db.count('chains')).toBe(0);
	});

	it('writes rows in the order of the folds', async () => {
		const store = await Store.open();
		await write(store, (rows) => {
			rows.put('m', 'a', '1', { n: 1 });
			rows.update<{ n: number }>('m', 'a', (old) => old && { n: old.n + 1 });
			rows.update<{ n: number }>('m', 'missing', (old) => old && { n: 0 });
			rows.update('m', 'new', (old) => old ?? { n: 5 }, '0');
			rows.put('m', 'b', '2', { n: 9 });
			rows.update('m', 'b', () => null);
		});
		const found = await store.rows<{ n: number }>(WORKSHOP, 'm');
		expect(found.map((row) => [row.id, row.value.n])).toEqual([['new', 5], ['a', 2]]);
		await write(store, (rows) => rows.remove('m', 'a'));
		expect(await store.row(WORKSHOP, 'm', 'a')).toBeUndefined();
	});

	it('makes room when the disk is full: spaces not used for longest go, the outbox stays', async () => {
		const store = await Store.open();
		const spaces = [randomSpace(), randomSpace(), randomSpace(), randomSpace()];
		for (const [at, space] of spaces.entries()) {
			await store.db.put('logs', { space, vector: {}, chains: {}, usedAt: at });
			await store.db.put('rows', { space, kind: 'm', id: 'a', stamp: '', value: 1 });
		}
		let tries = 0;
		const told: string[] = [];
		store.onTrouble = (code) => told.push(code);
		await store.guard(async () => {
			tries += 1;
			if (tries === 1) throw new DOMException('full', 'QuotaExceededError');
		});
		const left = (await store.db.getAll('rows')).map((row) => row.space);
		expect(new Set(left)).toEqual(new Set(spaces.slice(2)));
		expect(told).toEqual([]);
		const full = store.guard(async () => {
			throw new DOMException('full', 'QuotaExceededError');
		});
		await expect(full).rejects.toMatchObject({ code: 'base.quota_exceeded' });
		expect(told).toEqual(['base.quota_exceeded']);
	});

	it('keeps a bounded number of drafts, the newest', async () => {
		const store = await Store.open();
		await store.setDraft('s', 'first', 'x');
		for (let at = 0; at < DRAFTS_MAX; at += 1) {
			await store.db.put('drafts', { space: 's', key: `${at}`, value: at, at: Date.now() + 1 + at });
		}
		await store.setDraft('s', 'last', 'y');
		expect(await store.db.count('drafts')).toBe(DRAFTS_MAX);
		expect(await store.draft('s', 'first')).toBeUndefined();
		await store.setDraft('s', '5', null);
		expect(await store.draft('s', '5')).toBeUndefined();
	});

	it('gives way to a newer version of the app, and says so', async () => {
		const store = await Store.open();
		let outdated = 0;
		store.onOutdated = () => (outdated += 1);
		await new Promise<void>((resolve, reject) => {
			const request = indexedDB.open('verbund', VERSION + 1);
			request.onsuccess = () => resolve();
			request.onerror = () => reject(request.error!);
		});
		expect(outdated).toBe(1);
	});
});
