/** Hashes one file beside the page, so that typing stays smooth. In: the file. Out: bytes read, then the hashes. */
import { hashFile } from './hashing';

export type Told = { bytes: number } | { hashes: Awaited<ReturnType<typeof hashFile>> } | { error: string };

addEventListener('message', (event: MessageEvent<Blob>) => {
	const tell = (told: Told): void => postMessage(told);
	hashFile(event.data, (bytes) => tell({ bytes })).then(
		(hashes) => tell({ hashes }),
		(error: unknown) => tell({ error: String(error) })
	);
});
