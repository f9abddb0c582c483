/** The hashing worker as a promise; without workers (tests, very old browsers) the page itself reads the file. */
import { Refusal } from '../errors';
import { scriptUrl } from '../trusted';
import type { Told } from './hash.worker';
import { hashFile, type Hashes } from './hashing';
import workerUrl from './hash.worker?worker&url';

/** Raises Refusal `blobs.unreadable`, or the signal's reason. */
export async function hashAside(file: Blob, told: (bytes: number) => void, signal: AbortSignal): Promise<Hashes> {
	if (typeof Worker === 'undefined') {
		return hashFile(file, told, signal).catch((error: unknown) => {
			signal.throwIfAborted();
			throw new Refusal('blobs.unreadable', String(error));
		});
	}
	const worker = new Worker(scriptUrl(workerUrl), { type: 'module', name: 'hash' });
	try {
		return await new Promise<Hashes>((resolve, reject) => {
			signal.throwIfAborted();
			signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
			worker.onerror = (event) => reject(new Refusal('blobs.unreadable', event.message));
			worker.onmessage = ({ data }: MessageEvent<Told>) => {
				if ('bytes' in data) told(data.bytes);
				else if ('hashes' in data) resolve(data.hashes);
				else reject(new Refusal('blobs.unreadable', data.error));
			};
			worker.postMessage(file);
		});
	} finally {
		worker.terminate();
	}
}
