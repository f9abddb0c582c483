// Writes build/shell.pack: every file of the built app in one, for the first visit of a service worker (src/lib/base/shell/pack.ts).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const folder = new URL('../build/', import.meta.url);
// The page comes with the policy of its server; a worker is asked for by the browser itself.
const APART = new Set(['index.html', 'service-worker.js', 'shell.pack']);
const TYPES = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', json: 'application/json', svg: 'image/svg+xml', txt: 'text/plain; charset=utf-8', webmanifest: 'application/manifest+json', woff2: 'font/woff2' };
const QUALITY = 9;

const names = readdirSync(folder, { recursive: true, withFileTypes: true })
	.filter((entry) => entry.isFile())
	.map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.slice(decodeURIComponent(folder.pathname).length).replace(/^\/+/, ''))
	.filter((name) => !APART.has(name) && !/\.(br|gz|map)$/.test(name))
	.sort();
const files = names.map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }));
const header = files.map(({ name, bytes }) => {
	const type = TYPES[name.split('.').at(-1)];
	if (type === undefined) throw new Error(`${name}: pack.mjs does not know what type this is; name it in TYPES`);
	return [name, type, bytes.length];
});
const pack = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...files.map(({ bytes }) => bytes)]);
writeFileSync(new URL('shell.pack', folder), pack);
writeFileSync(new URL('shell.pack.br', folder), brotliCompressSync(pack, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }));
writeFileSync(new URL('shell.pack.gz', folder), gzipSync(pack));
