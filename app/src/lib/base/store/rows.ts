/** What folds write: collected, then applied in order inside one transaction. */
import type { IDBPObjectStore, StoreNames } from 'idb';
import type { Row, RowWriter, SpaceId } from '../types';
import type { Schema } from './schema';

type Change = (old: never) => unknown;
export type RowOp =
	| { op: 'put'; row: Row }
	| { op: 'update'; space: SpaceId; kind: string; id: string; change: Change; stamp: string | undefined }
	| { op: 'remove'; space: SpaceId; kind: string; id: string }
	| { op: 'sweep'; space: SpaceId; kind: string; goes: (value: never) => boolean };

export class RowCollector implements RowWriter {
	readonly ops: RowOp[] = [];

	constructor(private readonly space: SpaceId) {}

	put<Value>(kind: string, id: string, stamp: string, value: Value): void {
		this.ops.push({ op: 'put', row: { space: this.space, kind, id, stamp, value: plain(value) } });
	}

	update<Value>(kind: string, id: string, change: (old: Value | undefined) => Value | null | undefined, stamp?: string): void {
		this.ops.push({ op: 'update', space: this.space, kind, id, change: change as Change, stamp });
	}

	remove(kind: string, id: string): void {
		this.ops.push({ op: 'remove', space: this.space, kind, id });
	}

	sweep<Value>(kind: string, goes: (value: Value) => boolean): void {
		this.ops.push({ op: 'sweep', space: this.space, kind, goes: goes as (value: never) => boolean });
	}
}

type RowStore = IDBPObjectStore<Schema, StoreNames<Schema>[], 'rows', 'readwrite'>;

/** Apply in order. Awaits nothing but the store, so that the transaction stays open. */
export async function applyRows(rows: RowStore, ops: readonly RowOp[]): Promise<void> {
	for (const one of ops) {
		if (one.op === 'put') await rows.put(one.row);
		else if (one.op === 'remove') await rows.delete([one.space, one.kind, one.id]);
		else if (one.op === 'sweep') await sweep(rows, one);
		else await update(rows, one);
	}
}

async function sweep(rows: RowStore, { space, kind, goes }: Extract<RowOp, { op: 'sweep' }>): Promise<void> {
	let cursor = await rows.openCursor(IDBKeyRange.bound([space, kind], [space, kind, []]));
	while (cursor !== null) {
		if (goes(cursor.value.value as never)) await cursor.delete();
		cursor = await cursor.continue();
	}
}

async function update(rows: RowStore, { space, kind, id, change, stamp }: Extract<RowOp, { op: 'update' }>): Promise<void> {
	const old = await rows.get([space, kind, id]);
	const value = change(old?.value as never);
	if (value === null) await rows.delete([space, kind, id]);
	else if (value !== undefined && (value !== old?.value || (stamp !== undefined && stamp !== old?.stamp))) {
		await rows.put({ space, kind, id, stamp: stamp ?? old?.stamp ?? '', value: plain(value) });
	}
}

/** Reactive proxies cannot be cloned into the store; what they hold can. */
function plain<Value>(value: Value): Value {
	try {
		return structuredClone(value);
	} catch {
		return JSON.parse(JSON.stringify(value)) as Value;
	}
}
