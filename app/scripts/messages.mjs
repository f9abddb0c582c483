// Compiles the messages for whoever does not build the app (tests, checks), unless what is there was made from the same.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OUT = 'src/lib/paraglide';
const STAMP = `${OUT}/.made-from`;
const FROM = ['project.inlang/settings.json', 'package-lock.json'];
const COMPILE = ['compile', '--project', './project.inlang', '--outdir', `./${OUT}`, '--strategy', 'globalVariable', 'baseLocale', '--emit-ts-declarations', '--silent'];
process.chdir(fileURLToPath(new URL('..', import.meta.url)));

// Of the sources and of what they became: a build writes into the same folder.
const hash = () => {
	const all = createHash('sha256').update(COMPILE.join(' '));
	const inside = ['messages', OUT].flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => `${folder}/${name}`));
	const files = inside.filter((path) => /\.(json|js|ts)$/.test(path)).sort();
	for (const path of [...FROM, ...files]) all.update(`${path}\0`).update(readFileSync(path));
	return all.digest('hex');
};

if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== hash()) {
	const { status } = spawnSync('node_modules/.bin/paraglide-js', COMPILE, { stdio: 'inherit' });
	if (status !== 0) process.exit(status ?? 1);
	writeFileSync(STAMP, hash());
}
