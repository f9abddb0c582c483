/**
 * The whole app in one file, as the build writes it (scripts/pack.mjs): a line of JSON that names `[path, type, bytes]`,
 * then the bytes, one file after the other. One answer instead of two hundred.
 */

/** What concerns the transfer or the file itself; the rest of the answer's headers count for every file in it. */
const OF_THE_FILE = ['content-encoding', 'content-length', 'cache-control', 'etag', 'last-modified', 'vary'];
const NEWLINE = 10;

/** Path → answer, with the security headers of the pack's own answer. Throws where it is not a whole pack. */
export async function unpacked(pack: Response, base: string): Promise<Map<string, Response>> {
	if (!pack.ok || pack.redirected) throw new Error(`shell.pack: ${pack.status}`);
	const bytes = new Uint8Array(await pack.arrayBuffer());
	let start = bytes.indexOf(NEWLINE) + 1;
	const named = JSON.parse(new TextDecoder().decode(bytes.subarray(0, start))) as [string, string, number][];
	const found = new Map<string, Response>();
	for (const [path, type, length] of named) {
		const headers = new Headers(pack.headers);
		for (const name of OF_THE_FILE) headers.delete(name);
		headers.set('content-type', type);
		found.set(`${base}/${path}`, new Response(bytes.subarray(start, start + length), { headers }));
		start += length;
	}
	if (start !== bytes.length) throw new Error('shell.pack: not whole');
	return found;
}
