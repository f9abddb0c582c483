/** SHA-256 of a file and of its chunks, read once, piece by piece: memory does not grow with the file. */
import { sha256 } from '@noble/hashes/sha2.js';
import { b64 } from '../b64';
import type { BlobHash } from '../types';

export const CHUNK_BYTES = 4 * 1024 * 1024;
/** The hash in JavaScript gives way to others after so many bytes. */
const PIECE_BYTES = 256 * 1024;

export interface Plan {
	hash: BlobHash;
	size: number;
	chunks: BlobHash[];
	type: string;
}

export type Hashes = Pick<Plan, 'hash' | 'chunks'>;

/** `told`: bytes read so far. Raises the signal's reason, or what reading the file raises. */
export async function hashFile(file: Blob, told: (bytes: number) => void, signal?: AbortSignal): Promise<Hashes> {
	const whole = sha256.create();
	const chunks: BlobHash[] = [];
	for (let at = 0; at < file.size || chunks.length === 0; at += CHUNK_BYTES) {
		signal?.throwIfAborted();
		const bytes = new Uint8Array(await file.slice(at, at + CHUNK_BYTES).arrayBuffer());
		chunks.push(b64(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))) as BlobHash);
		if (file.size <= CHUNK_BYTES) return { hash: chunks[0]!, chunks };
		for (let from = 0; from < bytes.length; from += PIECE_BYTES) whole.update(bytes.subarray(from, from + PIECE_BYTES));
		told(Math.min(at + CHUNK_BYTES, file.size));
	}
	return { hash: b64(whole.digest()) as BlobHash, chunks };
}
