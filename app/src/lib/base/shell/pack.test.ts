import { describe, expect, it } from 'vitest';
import { unpacked } from './pack';

const NAMES = '[["_app/a.js","text/javascript; charset=utf-8",5],["mark.svg","image/svg+xml",3]]\n';
const HEADERS = { 'content-type': 'application/octet-stream', 'content-encoding': 'br', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' };

const answer = (text: string, init: ResponseInit = {}) => new Response(text, { headers: HEADERS, ...init });

describe('the app in one file', () => {
	it('comes apart into its files, each with its type and the headers that keep it safe', async () => {
		const files = await unpacked(answer(`${NAMES}a=1;\n✓`), '/unter');
		expect([...files.keys()]).toEqual(['/unter/_app/a.js', '/unter/mark.svg']);
		const [script, mark] = [...files.values()];
		expect(await script!.text()).toBe('a=1;\n');
		expect(await mark!.text()).toBe('✓');
		expect(Object.fromEntries(script!.headers)).toEqual({ 'content-type': 'text/javascript; charset=utf-8', 'x-content-type-options': 'nosniff' });
		expect(mark!.headers.get('content-type')).toBe('image/svg+xml');
	});

	it.each([
		['cut off', answer(`${NAMES}a=1;\n`)],
		['with more in it than it names', answer(`${NAMES}a=1;\n✓✓`)],
		['the page that stands for every unknown address', answer('<!doctype html>\n<html lang=de>')],
		['refused', answer(`${NAMES}a=1;\n✓`, { status: 503 })]
	])('is not taken when it is %s', async (_, pack) => {
		await expect(unpacked(pack, '')).rejects.toThrow();
	});
});
