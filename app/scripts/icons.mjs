// Writes src/lib/ui/icons.ts: every icon as one path, taken from the package @lucide/svelte. Run `npm run icons` after adding a name.
import { readFileSync, writeFileSync } from 'node:fs';

const NAMES = readFileSync(new URL('./icons.txt', import.meta.url), 'utf8').split(/\s+/).filter(Boolean).sort();
const folder = new URL('../node_modules/@lucide/svelte/dist/icons/', import.meta.url);

const number = (value) => Number(value ?? 0);
const round = (value) => String(Math.round(value * 1000) / 1000);

function ellipse({ cx, cy, r, rx, ry }) {
	const [x, y, a, b] = [number(cx), number(cy), number(rx ?? r), number(ry ?? r)];
	return `M${round(x - a)} ${y}a${a} ${b} 0 1 0 ${2 * a} 0a${a} ${b} 0 1 0 ${-2 * a} 0`;
}

function rectangle({ x, y, width, height, rx, ry }) {
	const [w, h, r] = [number(width), number(height), number(rx ?? ry)];
	const corner = (dx, dy) => (r ? `a${r} ${r} 0 0 1 ${dx} ${dy}` : '');
	return `M${number(x) + r} ${number(y)}h${w - 2 * r}${corner(r, r)}v${h - 2 * r}${corner(-r, r)}h${2 * r - w}${corner(-r, -r)}v${2 * r - h}${corner(r, -r)}z`;
}

const SHAPES = {
	path: ({ d }) => d.replace(/^m/, 'M0 0m'),
	circle: ellipse,
	ellipse,
	rect: rectangle,
	line: ({ x1, y1, x2, y2 }) => `M${x1} ${y1}L${x2} ${y2}`,
	polyline: ({ points }) => `M${points}`,
	polygon: ({ points }) => `M${points}z`
};

function pathOf(name) {
	// An older name points to the file of the newer one.
	const file = /from "\.\/(.+\.svelte)"/.exec(readFileSync(new URL(`${name}.js`, folder), 'utf8'))[1];
	const source = readFileSync(new URL(file, folder), 'utf8');
	const node = JSON.parse(/"node": (\[.*\]), "aliases"/.exec(source)?.[1] ?? /"node": (\[\[.*\]\])/.exec(source)[1]);
	return node.map(([tag, attributes]) => SHAPES[tag](attributes)).join('');
}

const lines = NAMES.map((name) => `\t'${name}': '${pathOf(name)}'`);
writeFileSync(
	new URL('../src/lib/ui/icons.ts', import.meta.url),
	`/** Paths on a 24 px grid, written by scripts/icons.mjs from Lucide (ISC licence, Lucide Contributors). Not edited by hand. */\nexport const ICONS = {\n${lines.join(',\n')}\n} as const;\n\nexport type IconName = keyof typeof ICONS;\n`
);
