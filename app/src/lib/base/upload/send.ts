/** Sends a file's missing chunks and commits it: resumable, two chunks at a time, each retried. */
import type { Api } from '../api';
import { ApiError, Offline, Refusal } from '../errors';
import type { BlobHash, SpaceId } from '../types';
import { CHUNK_BYTES, type Plan } from './hashing';

export const PARALLEL = 2;
export const RETRIES_MAX = 8;
export const RETRY_MS_MIN = 250;
export const RETRY_MS_MAX = 15_000;
const CHUNK_TIMEOUT_MS = 180_000;
const COMMIT_TIMEOUT_MS = 300_000;
/** So often a provider may have lost chunks before the commit, or another tab's upload of the same file ended first. */
const ROUNDS_MAX = 3;

export interface Sending {
	api: Api;
	space: SpaceId;
	file: Blob;
	plan: Plan;
	signal: AbortSignal;
	told: (bytes: number) => void;
}

/** Raises ApiError for a refusal, Offline after RETRIES_MAX, Refusal `blobs.unreadable`, or the signal's reason. */
export async function sendFile(sending: Sending): Promise<BlobHash> {
	const { api, space, plan, signal } = sending;
	for (let round = 1; ; round += 1) {
		const { missing, complete } = await retried(sending, () =>
			api.post<{ missing: number[]; complete: boolean }>(`/blobs/${space}/have`, plan, { signal })
		);
		if (complete) break;
		try {
			await sendChunks(sending, missing);
			await retried(sending, () => api.post(`/blobs/${space}/commit`, plan, { signal, timeoutMs: COMMIT_TIMEOUT_MS }));
			break;
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 409 || round === ROUNDS_MAX) throw error;
		}
	}
	sending.told(plan.size);
	return plan.hash;
}

async function sendChunks(sending: Sending, missing: readonly number[]): Promise<void> {
	const { plan, told } = sending;
	let left = missing.reduce((sum, index) => sum + chunkSize(plan, index), 0);
	told(plan.size - left);
	const queue = [...missing];
	const line = async (): Promise<void> => {
		for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
			await retried(sending, () => sendChunk(sending, index!));
			left -= chunkSize(plan, index);
			told(plan.size - left);
		}
	};
	const lines = Array.from({ length: PARALLEL }, () => line().catch((error: unknown) => ((queue.length = 0), Promise.reject(error))));
	const outcomes = await Promise.allSettled(lines);
	for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

async function sendChunk({ api, space, file, plan, signal }: Sending, index: number): Promise<void> {
	const slice = file.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
	let bytes: Uint8Array<ArrayBuffer>;
	try {
		bytes = new Uint8Array(await slice.arrayBuffer());
	} catch (error) {
		throw new Refusal('blobs.unreadable', String(error));
	}
	await api.putBytes(`/blobs/${space}/chunks/${plan.chunks[index]!}`, bytes, { signal, timeoutMs: CHUNK_TIMEOUT_MS });
}

function chunkSize(plan: Plan, index: number): number {
	return Math.min(CHUNK_BYTES, plan.size - index * CHUNK_BYTES);
}

/** Again and again while the provider is away or busy. */
async function retried<T>({ signal }: Sending, work: () => Promise<T>): Promise<T> {
	for (let tries = 0; ; tries += 1) {
		try {
			return await work();
		} catch (error) {
			signal.throwIfAborted();
			if (!isPassing(error) || tries >= RETRIES_MAX) throw error;
			await pause(RETRY_MS_MIN + Math.random() * (Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** tries) - RETRY_MS_MIN), signal);
		}
	}
}

function isPassing(error: unknown): boolean {
	if (error instanceof ApiError) return error.status === 429 || error.status >= 502;
	return error instanceof Offline;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(resolve, ms);
		signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
	});
}
