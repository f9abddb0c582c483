/** What this browser keeps, and how an older store becomes the present one. */
import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from 'idb';
import type { Alg } from '../keys';
import type { BlobHash, CoreId, DeviceId, JsonObject, Member, Parcel, Row, SpaceId, Vector } from '../types';

export const NAME = 'verbund';
export const VERSION = 1;

export interface StoredDevice {
	id: DeviceId;
	alg: Alg;
	key: string;
	secret: CryptoKey;
}

/** How far a space is held here: the vector, and the chain at its end where it is known. */
export interface StoredLog {
	space: SpaceId;
	vector: Vector;
	chains: Record<string, string>;
	/** Entries that came before their causes: id, sub-log, number. */
	waiting?: readonly [CoreId, string, number][];
	usedAt: number;
}

/** Where this device goes on in a space. */
export interface StoredChain {
	space: SpaceId;
	ds: number;
	dp: CoreId | null;
	/** The newest authority facts that a provider has. */
	heads: CoreId[];
	/** The newest own authority fact that no provider has yet: what follows has seen it, but must not count on it. */
	pending: CoreId | null;
}

export interface OutboxItem {
	id: CoreId;
	space: SpaceId;
	ds: number;
	kind: string;
	re: CoreId[];
	body: JsonObject;
	parcel: Parcel;
	/** `owed`: refused, and no provider has used its number up yet. */
	state: 'pending' | 'accepted' | 'refused' | 'owed';
	/** A provider may have seen it: its number is never given to another. */
	sent: boolean;
	/** Only its header is sent, so that its number becomes a void. */
	gone: boolean;
	/** How often it was written anew after a refusal that passes. */
	tries: number;
	/** Where a provider put it: what a `durable` vector must cover. */
	place?: { sublog: string; n: number };
	code?: string;
	detail?: string;
	replaces?: CoreId;
	/** Orders the spaces: who waits longest goes first. */
	queuedAt: number;
}

/** An accepted core of this device, kept so that a provider that lost its newest can have it again. */
export interface OwnCore {
	space: SpaceId;
	ds: number;
	id: CoreId;
	kind: string;
	parcel: Parcel;
}

export interface StoredUpload {
	id: string;
	space: SpaceId;
	name: string;
	type: string;
	size: number;
	addedAt: number;
	/** Known once the file has been read through. */
	hash: BlobHash | null;
	chunks: BlobHash[];
	/** Whether the file itself lies in `files`. */
	kept: boolean;
	/** The provider has it. */
	isDone?: boolean;
}

export interface Schema extends DBSchema {
	meta: { key: string; value: unknown };
	rows: { key: [string, string, string]; value: Row; indexes: { order: [string, string, string] } };
	logs: { key: string; value: StoredLog };
	chains: { key: string; value: StoredChain };
	outbox: { key: string; value: OutboxItem; indexes: { place: [string, number]; state: string } };
	own: { key: [string, number]; value: OwnCore };
	members: { key: string; value: { space: SpaceId; members: Member[] } };
	drafts: { key: [string, string]; value: { space: string; key: string; value: unknown; at: number } };
	uploads: { key: string; value: StoredUpload };
	files: { key: string; value: Blob };
}

export type Database = IDBPDatabase<Schema>;
export type Upgrade = IDBPTransaction<Schema, StoreNames<Schema>[], 'versionchange'>;

/** Version n → what makes it from version n − 1. A released step is never changed. */
export const STEPS: Record<number, (db: Database, tx: Upgrade) => void> = {
	1: (db) => {
		db.createObjectStore('meta');
		db.createObjectStore('rows', { keyPath: ['space', 'kind', 'id'] }).createIndex('order', ['space', 'kind', 'stamp']);
		db.createObjectStore('logs', { keyPath: 'space' });
		db.createObjectStore('chains', { keyPath: 'space' });
		const outbox = db.createObjectStore('outbox', { keyPath: 'id' });
		outbox.createIndex('place', ['space', 'ds']);
		outbox.createIndex('state', 'state');
		db.createObjectStore('own', { keyPath: ['space', 'ds'] });
		db.createObjectStore('members', { keyPath: 'space' });
		db.createObjectStore('drafts', { keyPath: ['space', 'key'] });
		db.createObjectStore('uploads', { keyPath: 'id' });
		db.createObjectStore('files');
	}
};

export function upgrade(db: Database, from: number, to: number | null, tx: Upgrade): void {
	for (let version = from + 1; version <= (to ?? VERSION); version += 1) STEPS[version]!(db, tx);
}
