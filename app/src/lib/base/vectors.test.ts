/** The committed vectors, run by the browser's code; pytest runs the same files. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { b64, unb64, utf8 } from './b64';
import * as canonical from './canonical';
import { checkSignature, parse } from './core';
import { CHAIN_START, checkPlace } from './entry';
import { Refusal } from './errors';
import { directSpace, personalSpace } from './hash';
import { checkKey, deviceId, publicKey, verifyInScript, type PublicKey } from './keys';
import type { AccountId, Entry, Parcel } from './types';

type Expected<T> = T | { refusal: string };

function cases<Case>(file: string): (Case & { name: string })[] {
	const path = fileURLToPath(new URL(`../../../../protocol/vectors/log/${file}.json`, import.meta.url));
	const found = (JSON.parse(readFileSync(path, 'utf8')) as { cases: (Case & { name: string })[] }).cases;
	if (found.length === 0) throw new Error(`${file} holds no cases`);
	return found;
}

async function codeOf(work: () => unknown): Promise<string> {
	try {
		await work();
	} catch (error) {
		if (error instanceof Refusal) return error.code;
		throw error;
	}
	return 'nothing was refused';
}

const isRefusal = <T>(expected: Expected<T>): expected is { refusal: string } =>
	typeof expected === 'object' && expected !== null && 'refusal' in expected;

describe('canonical', () => {
	it.each(cases<{ value?: unknown; text: string; expect?: { refusal: string } }>('canonical'))('$name', async (one) => {
		if (one.expect) return expect(await codeOf(() => canonical.decode(one.text))).toBe(one.expect.refusal);
		expect(canonical.encode(one.value)).toBe(one.text);
		expect(canonical.decode(one.text)).toEqual(one.value);
	});
});

describe('keys', () => {
	it.each(cases<{ alg: string; key: string; expect: Expected<string> }>('keys'))('$name', async ({ alg, key, expect: expected }) => {
		if (isRefusal(expected)) return expect(await codeOf(() => checkKey(publicKey(alg, key)))).toBe(expected.refusal);
		expect(deviceId(await checkKey(publicKey(alg, key)))).toBe(expected);
	});
});

interface CoreCase {
	parcel: Parcel;
	alg: PublicKey['alg'];
	key: string;
	expect: Expected<Record<string, unknown>>;
}

describe('cores', () => {
	it.each(cases<CoreCase>('cores'))('$name', async ({ parcel, alg, key, expect: expected }) => {
		const check = (): Promise<void> => checkSignature(parcel, parse(parcel), publicKey(alg, key));
		if (isRefusal(expected)) return expect(await codeOf(check)).toBe(expected.refusal);
		await check();
		expect(parse(parcel)).toMatchObject(expected);
	});

	it.each(cases<CoreCase>('cores').filter(({ alg }) => alg === 'ed25519'))('$name, where the browser has no Ed25519', async (one) => {
		const code = isRefusal(one.expect) ? one.expect.refusal : null;
		if (code !== null && code !== 'log.unsigned') return expect(await codeOf(() => parse(one.parcel))).toBe(code);
		const good = await verifyInScript(publicKey(one.alg, one.key), unb64(one.parcel.s), utf8('verbund/core/1\0' + one.parcel.c));
		expect(good).toBe(code === null);
	});
});

describe('chain', () => {
	it.each(cases<{ entries: Entry[]; expect: Expected<string> }>('chain'))('$name', async ({ entries, expect: expected }) => {
		const walk = (): string => b64(entries.reduce((before, entry) => checkPlace(entry, before), CHAIN_START));
		if (isRefusal(expected)) return expect(await codeOf(walk)).toBe(expected.refusal);
		expect(walk()).toBe(expected);
	});
});

describe('derived spaces', () => {
	it.each(cases<{ people?: AccountId[]; account?: AccountId; expect: string }>('spaces'))('$name', (one) => {
		expect(one.people ? directSpace(one.people) : personalSpace(one.account!)).toBe(one.expect);
	});
});
