/** The browser's IndexedDB: one connection per tab. Everything that must hold together is written in one transaction. */
import { openDB, type StoreNames } from 'idb';
import { Refusal } from '../errors';
import type { Row, SpaceId, Vector } from '../types';
import { NAME, upgrade, VERSION, type Database, type Schema } from './schema';

/** Rows of one kind that a space keeps here; older ones are fetched when somebody looks. */
export const ROWS_MAX = 2_000;
/** Spaces whose rows are kept here. */
export const SPACES_MAX = 200;
export const DRAFTS_MAX = 200;
const OPEN_TIMEOUT_MS = 10_000;

/** Something that a person should know: the sentence to show, and what it is about for those who look closer. */
export interface Trouble {
	code: string;
	detail: string;
	about: string;
}

export class Store {
	/** Told when writing failed in a way that a person can do something about. */
	onTrouble: (code: string) => void = () => {};
	/** Told when a newer version of the app wants to change the store: this tab must be loaded again. */
	onOutdated: () => void = () => {};

	private constructor(readonly db: Database) {}

	/** Raises Refusal `base.storage_unavailable`. */
	static async open(name = NAME): Promise<Store> {
		let store: Store | null = null;
		const opening = openDB<Schema>(name, VERSION, {
			upgrade: (db, from, to, tx) => upgrade(db, from, to, tx as never),
			blocking: () => {
				store?.db.close();
				store?.onOutdated();
			},
			terminated: () => store?.onTrouble('base.storage_unavailable')
		});
		try {
			store = new Store(await within(opening, OPEN_TIMEOUT_MS));
		} catch (error) {
			throw new Refusal('base.storage_unavailable', String(error));
		}
		return store;
	}

	/** A read-write transaction whose commit is on disk when it is done. */
	strict<Names extends StoreNames<Schema>[]>(names: Names) {
		return this.db.transaction(names, 'readwrite', { durability: 'strict' });
	}

	/** A read-write transaction for what the provider has as well. */
	relaxed<Names extends StoreNames<Schema>[]>(names: Names) {
		return this.db.transaction(names, 'readwrite', { durability: 'relaxed' });
	}

	async meta<T>(key: string): Promise<T | undefined> {
		return (await this.db.get('meta', key)) as T | undefined;
	}

	async setMeta(key: string, value: unknown): Promise<void> {
		await this.guard(() => this.db.put('meta', value, key));
	}

	/** The newest `limit` rows (before a stamp), ascending. */
	async rows<Value>(space: SpaceId, kind: string, limit = ROWS_MAX, before?: string): Promise<Row<Value>[]> {
		const upper = before === undefined ? [space, kind, []] : [space, kind, before];
		const range = IDBKeyRange.bound([space, kind], upper, false, true);
		const found: Row<Value>[] = [];
		let cursor = await this.db.transaction('rows').store.index('order').openCursor(range, 'prev');
		while (cursor !== null && found.length < Math.min(limit, ROWS_MAX)) {
			found.push(cursor.value as Row<Value>);
			cursor = await cursor.continue();
		}
		return found.reverse();
	}

	async row<Value>(space: SpaceId, kind: string, id: string): Promise<Row<Value> | undefined> {
		return (await this.db.get('rows', [space, kind, id])) as Row<Value> | undefined;
	}

	/** Rows of a query's answer. The vector counts only where nothing was held: the stream brings what lies between. */
	async seed(space: SpaceId, rows: readonly Row[], vector: Vector, replace: readonly string[]): Promise<void> {
		const plain = rows.map((row) => ({ ...row, value: JSON.parse(JSON.stringify(row.value)) as unknown }));
		await this.guard(async () => {
			const tx = this.relaxed(['rows', 'logs']);
			for (const kind of replace) await tx.objectStore('rows').delete(IDBKeyRange.bound([space, kind], [space, kind, []]));
			for (const row of plain) await tx.objectStore('rows').put(row);
			if ((await tx.objectStore('logs').get(space)) === undefined) {
				await tx.objectStore('logs').put({ space, vector: { ...vector }, chains: {}, usedAt: Date.now() });
			}
			await tx.done;
		});
	}

	async draft(space: string, key: string): Promise<unknown> {
		return (await this.db.get('drafts', [space, key]))?.value;
	}

	/** Null deletes. Of more than DRAFTS_MAX the oldest go. */
	async setDraft(space: string, key: string, value: unknown): Promise<void> {
		await this.guard(async () => {
			const tx = this.relaxed(['drafts']);
			const drafts = tx.objectStore('drafts');
			if (value === null) await drafts.delete([space, key]);
			else await drafts.put({ space, key, value, at: Date.now() });
			if ((await drafts.count()) > DRAFTS_MAX) {
				const all = (await drafts.getAll()).sort((a, b) => a.at - b.at);
				for (const oldest of all.slice(0, all.length - DRAFTS_MAX)) await drafts.delete([oldest.space, oldest.key]);
			}
			await tx.done;
		});
	}

	/** Runs a write. A full disk is told as trouble, once more after rows were given up; then raised as Refusal. */
	async guard<T>(write: () => Promise<T>): Promise<T> {
		try {
			return await write();
		} catch (error) {
			if (!isQuota(error)) throw error;
			await this.shrink();
		}
		try {
			return await write();
		} catch (error) {
			if (!isQuota(error)) throw error;
			this.onTrouble('base.quota_exceeded');
			throw new Refusal('base.quota_exceeded');
		}
	}

	/** Give up the rows of a space beyond ROWS_MAX of each kind. */
	async trim(space: SpaceId, kind: string, max = ROWS_MAX): Promise<number> {
		const tx = this.relaxed(['rows']);
		const index = tx.objectStore('rows').index('order');
		const range = IDBKeyRange.bound([space, kind], [space, kind, []]);
		let surplus = (await index.count(range)) - max;
		const trimmed = Math.max(0, surplus);
		for (let cursor = await index.openCursor(range); cursor !== null && surplus > 0; surplus -= 1) {
			await cursor.delete();
			cursor = await cursor.continue();
		}
		await tx.done;
		return trimmed;
	}

	/** Give up everything that is held of a space; the outbox and drafts stay. */
	async forget(space: SpaceId): Promise<void> {
		const tx = this.relaxed(['rows', 'logs', 'members']);
		await tx.objectStore('rows').delete(IDBKeyRange.bound([space], [space, []]));
		await tx.objectStore('logs').delete(space);
		await tx.objectStore('members').delete(space);
		await tx.done;
	}

	/** Give up the half of the spaces that were not used for longest. */
	async shrink(keep?: number): Promise<void> {
		const logs = (await this.db.getAll('logs')).sort((a, b) => a.usedAt - b.usedAt);
		const surplus = keep === undefined ? Math.ceil(logs.length / 2) : Math.max(0, logs.length - keep);
		for (const { space } of logs.slice(0, surplus)) await this.forget(space);
	}

	/** Everything, the key too: after signing out. */
	async clear(): Promise<void> {
		const names = [...this.db.objectStoreNames];
		const tx = this.db.transaction(names, 'readwrite', { durability: 'strict' });
		await Promise.all([...names.map((name) => tx.objectStore(name).clear()), tx.done]);
	}

	close(): void {
		this.db.close();
	}
}

/** Ask that the browser does not evict the key and the outbox. Returns whether it promises that. */
export async function persist(): Promise<boolean> {
	const storage = (globalThis.navigator as Navigator | undefined)?.storage;
	if (storage?.persist === undefined) return false;
	return (await storage.persisted()) || (await storage.persist());
}

export function isQuota(error: unknown): boolean {
	return error instanceof DOMException && (error.name === 'QuotaExceededError' || error.name === 'NS_ERROR_DOM_QUOTA_REACHED');
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Error('timed out')), ms);
		work.then(resolve, reject).finally(() => clearTimeout(timer));
	});
}
