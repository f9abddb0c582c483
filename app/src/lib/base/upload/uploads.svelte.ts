/** Files on their way up: read, sent in chunks, continued after a reload. The file lies in the store until it is sent. */
import type { Api } from '../api';
import { randomBytes, b64 } from '../b64';
import { ApiError, describe, Offline, pageLanguage, Refusal } from '../errors';
import { tryExclusive } from '../locks';
import type { Store, StoredUpload } from '../store';
import type { BlobHash, SpaceId } from '../types';
import { sendFile } from './send';
import { hashAside } from './worker';

export type UploadState = 'hashing' | 'waiting' | 'sending' | 'done' | 'failed' | 'cancelled';

/** Larger files are not copied into the browser's store: after a reload they have to be chosen again. */
export const KEPT_BYTES_MAX = 512 * 1024 * 1024;
export const UPLOADS_MAX = 100;
/** What is done stays known for so long: whoever wanted it may have been closed before it could use it. */
const DONE_KEPT_MS = 24 * 3600 * 1000;
const AT_ONCE_MAX = 2;
/** How soon a tab looks again at what another one is sending. */
const LOOK_AGAIN_MS = 2_000;

export class Upload {
	state = $state<UploadState>('hashing');
	/** 0 … 1 of the phase that `state` names. */
	progress = $state(0);
	/** Known as soon as the file has been read. */
	hash = $state<BlobHash | null>(null);
	/** Why it failed. */
	code = $state<string | null>(null);
	detail = $state<string | null>(null);
	/** Rejects when it is cancelled; a failure can still be tried again. */
	readonly done: Promise<BlobHash>;
	resolve!: (hash: BlobHash) => void;
	reject!: (error: Error) => void;
	stopper = new AbortController();

	constructor(
		readonly stored: StoredUpload,
		readonly file: Blob | null,
		private readonly owner: { run: (upload: Upload) => void; remove: (upload: Upload) => Promise<void> }
	) {
		this.hash = stored.hash;
		this.done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
		this.done.catch(() => undefined);
	}

	get id(): string {
		return this.stored.id;
	}

	get space(): SpaceId {
		return this.stored.space;
	}

	get name(): string {
		return this.stored.name;
	}

	get size(): number {
		return this.stored.size;
	}

	async cancel(): Promise<void> {
		if (this.state !== 'done') {
			this.state = 'cancelled';
			const error = new Refusal('blobs.cancelled');
			this.stopper.abort(error);
			this.reject(error);
		}
		await this.owner.remove(this);
	}

	retry(): void {
		if (this.state === 'failed') this.owner.run(this);
	}
}

export class Uploads {
	/** Reactive. Those of this browser, also done ones of this visit. */
	list = $state.raw<readonly Upload[]>([]);
	#running = 0;
	#stopped = false;
	readonly #queue: Upload[] = [];

	constructor(
		private readonly store: Store,
		private readonly api: Api,
		private readonly online: () => boolean
	) {}

	/** Begin to send a file. Raises Refusal `base.too_busy`. */
	async add(space: SpaceId, file: File): Promise<Upload> {
		if (this.list.length >= UPLOADS_MAX) this.list = this.list.filter((upload) => upload.state !== 'done' && upload.state !== 'cancelled');
		if (this.list.length >= UPLOADS_MAX) throw new Refusal('base.too_busy');
		const stored: StoredUpload = {
			id: b64(randomBytes(16)), space, name: file.name, type: file.type || 'application/octet-stream', size: file.size,
			addedAt: Date.now(), hash: null, chunks: [], kept: await this.#keep(file.size)
		};
		try {
			await this.#put(stored, file);
		} catch {
			stored.kept = false;
		}
		const upload = new Upload(stored, file, this.#owner);
		this.list = [...this.list, upload];
		this.#run(upload);
		return upload;
	}

	/** Go on with what an earlier visit left. */
	async restore(): Promise<void> {
		for (const stored of await this.store.db.getAll('uploads')) {
			if (this.list.some((upload) => upload.id === stored.id)) continue;
			if (stored.isDone && Date.now() - stored.addedAt > DONE_KEPT_MS) {
				await this.#forget(stored.id);
				continue;
			}
			const file = stored.kept ? ((await this.store.db.get('files', stored.id)) ?? null) : null;
			const upload = new Upload(stored, file, this.#owner);
			this.list = [...this.list, upload];
			if (stored.isDone && stored.hash !== null) this.#finish(upload, stored.hash);
			else if (file === null) this.#fail(upload, new Refusal('blobs.unreadable'));
			else this.#run(upload);
		}
	}

	/** The connection is back. */
	resume(): void {
		for (const upload of this.list) if (upload.state === 'failed' && upload.code === 'base.offline') this.#run(upload);
		this.#next();
	}

	stop(): void {
		this.#stopped = true;
		for (const upload of this.list) upload.stopper.abort(new Offline('stopped'));
	}

	readonly #owner = {
		run: (upload: Upload): void => this.#run(upload),
		remove: async (upload: Upload): Promise<void> => {
			this.list = this.list.filter((other) => other !== upload);
			await this.#forget(upload.id);
		}
	};

	#run(upload: Upload): void {
		upload.state = upload.hash === null ? 'hashing' : 'waiting';
		upload.code = upload.detail = null;
		if (!this.#queue.includes(upload)) this.#queue.push(upload);
		this.#next();
	}

	#next(): void {
		while (!this.#stopped && this.#running < AT_ONCE_MAX) {
			const at = this.#queue.findIndex((upload) => upload.hash === null || this.online());
			if (at === -1) return;
			const [upload] = this.#queue.splice(at, 1);
			this.#running += 1;
			void this.#step(upload!).finally(() => {
				this.#running -= 1;
				this.#next();
			});
		}
	}

	/** One phase: reading, or sending. */
	async #step(upload: Upload): Promise<void> {
		if (upload.state === 'cancelled' || upload.file === null) return;
		try {
			const was = upload.hash;
			const mine = await tryExclusive(`upload.${upload.id}`, () => (was === null ? this.#read(upload) : this.#send(upload)));
			if (!mine) this.#later(upload);
			else if (was === null) this.#run(upload);
		} catch (error) {
			if (!upload.stopper.signal.aborted) this.#fail(upload, error);
		}
	}

	/** Another tab is at it: see after a while what became of it. */
	#later(upload: Upload): void {
		upload.state = 'waiting';
		setTimeout(async () => {
			if (this.#stopped || upload.state !== 'waiting') return;
			const stored = await this.store.db.get('uploads', upload.id).catch(() => undefined);
			if (stored === undefined) await upload.cancel();
			else if (stored.isDone && stored.hash !== null) this.#finish(upload, (upload.hash = stored.hash));
			else {
				Object.assign(upload.stored, stored);
				upload.hash = stored.hash;
				this.#run(upload);
			}
		}, LOOK_AGAIN_MS);
	}

	async #read(upload: Upload): Promise<void> {
		upload.progress = 0;
		const told = (bytes: number): void => void (upload.progress = bytes / Math.max(1, upload.size));
		const { hash, chunks } = await hashAside(upload.file!, told, upload.stopper.signal);
		upload.stopper.signal.throwIfAborted();
		Object.assign(upload.stored, { hash, chunks });
		upload.hash = hash;
		await this.#put(upload.stored).catch(() => undefined);
	}

	async #send(upload: Upload): Promise<void> {
		upload.state = 'sending';
		upload.progress = 0;
		const { hash, chunks, size, type, space } = upload.stored;
		const plan = { hash: hash!, chunks, size, type };
		const told = (bytes: number): void => void (upload.progress = bytes / Math.max(1, size));
		await sendFile({ api: this.api, space, file: upload.file!, plan, signal: upload.stopper.signal, told });
		upload.stopper.signal.throwIfAborted();
		upload.stored.isDone = true;
		await this.#put(upload.stored).catch(() => undefined);
		await this.store.db.delete('files', upload.id).catch(() => undefined);
		this.#finish(upload, plan.hash);
	}

	#finish(upload: Upload, hash: BlobHash): void {
		upload.progress = 1;
		upload.state = 'done';
		upload.resolve(hash);
	}

	#fail(upload: Upload, error: unknown): void {
		if (!(error instanceof ApiError) && !(error instanceof Refusal)) console.error('an upload failed', error);
		const { code, detail } = describe(error, pageLanguage());
		Object.assign(upload, { code, detail });
		upload.state = 'failed';
	}

	async #keep(size: number): Promise<boolean> {
		if (size > KEPT_BYTES_MAX) return false;
		const estimate = await globalThis.navigator?.storage?.estimate?.().catch(() => null);
		return !estimate?.quota || estimate.quota - (estimate.usage ?? 0) > 2 * size;
	}

	async #put(stored: StoredUpload, file?: Blob): Promise<void> {
		await this.store.guard(async () => {
			const tx = this.store.strict(['uploads', 'files']);
			await tx.objectStore('uploads').put({ ...stored, chunks: [...stored.chunks] });
			if (file !== undefined && stored.kept) await tx.objectStore('files').put(file, stored.id);
			await tx.done;
		});
	}

	async #forget(id: string): Promise<void> {
		const tx = this.store.relaxed(['uploads', 'files']);
		await tx.objectStore('uploads').delete(id);
		await tx.objectStore('files').delete(id);
		await tx.done;
	}
}
