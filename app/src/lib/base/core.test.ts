import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { b64, isHash, randomBytes, unb64, utf8 } from './b64';
import * as canonical from './canonical';
import { author, BODY_BYTES_MAX, checkSignature, parse, type Draft, type Signer } from './core';
import { chain, CHAIN_START, checkPlace } from './entry';
import { Refusal } from './errors';
import { directSpace } from './hash';
import { FUTURE_MAX_MS, Hlc, isStamp, msOf, stampAt } from './hlc';
import { checkKey, deviceId, generate, publicKey, sign, verify, type PublicKey } from './keys';
import type { AccountId, CoreId, Entry, JsonObject, Parcel, ProviderId, SpaceId } from './types';

/** Written by the server's Python. */
const GENESIS: Parcel = {
	c: '{"ah":[],"bh":"LgsHOVCn57sT4KdDnnqlGM8FlzTHdRmO7cC-BmGiEmE","bk":null,"bs":53,"dev":"tj6-ER2o9xG_saAkFPBvvJ1aNG5njsZEAZuKgc6lLlM","dp":null,"ds":1,"k":"authority.space_created.1","mu":true,"re":[],"t":"0198f0c2a1b30000","v":1}',
	s: 'mhd16fQsgoetJsJKfzl4JIV7zWmWnUkQo_kodtLnMfqOO_C3aHm0eYEETiZUqT44uCjUThe8rCAbhPR3atsKBA',
	sa: 'AAAAAAAAAAAAAAAAAAAAAA',
	b: '{"n":1,"title":"Tischlerei „Lindner“ \x7f\\n\\u0001/"}'
};
const GENESIS_ID = 'lwbD2lgNCvsqNv6kyYw3p9n7WyTVwwedCiPYLYc4gLA' as CoreId;
const GENESIS_KEY = publicKey('ed25519', 'A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg');
const PROVIDER = 'A'.repeat(43) as ProviderId;

const codeOf = (work: () => unknown): string => {
	try {
		work();
	} catch (error) {
		if (error instanceof Refusal) return error.code;
		throw error;
	}
	return 'none';
};

async function person(): Promise<Signer & { key: PublicKey }> {
	const { key, secret } = await generate();
	return { key, id: deviceId(key), sign: (message) => sign(key.alg, secret, message) };
}

const draft = (over: Partial<Draft> = {}): Draft => ({
	space: null,
	kind: 'chat.message_posted.1',
	ds: 1,
	dp: null,
	t: stampAt(1_700_000_000_000),
	ah: [],
	re: [],
	...over
});

describe('base64url', () => {
	it('gives back what it was given', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
				expect(unb64(b64(bytes))).toEqual(bytes);
				expect(b64(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
			})
		);
	});

	it.each(['AA=', 'A', 'AB', 'AAB', 'A+', 'A/', 'ä', 'A\n'])('refuses %j', (text) => {
		expect(codeOf(() => unb64(text))).toBe('log.malformed_core');
	});

	it('knows the text form of 32 bytes', () => {
		expect(isHash(b64(randomBytes(32)))).toBe(true);
		expect(isHash('A'.repeat(42) + 'B')).toBe(false);
		expect(isHash(b64(randomBytes(31)))).toBe(false);
	});
});

describe('canonical text', () => {
	it('reads what it wrote', () => {
		const { value } = fc.letrec((tie) => ({
			value: fc.oneof(
				{ maxDepth: 4 },
				fc.constantFrom(null, true, false),
				fc.maxSafeInteger().map((n) => n || 0),
				fc.string({ unit: 'grapheme' }),
				fc.array(tie('value'), { maxLength: 4 }),
				fc.dictionary(fc.string({ unit: 'binary-ascii' }), tie('value'), { maxKeys: 4 })
			)
		}));
		fc.assert(fc.property(value, (one) => void expect(canonical.decode(canonical.encode(one))).toEqual(one)));
	});

	it.each([
		['white space', '{"a": 1}'],
		['keys out of order', '{"b":1,"a":2}'],
		['a key twice', '{"a":1,"a":1}'],
		['a float', '1.5'],
		['a float that is whole', '1.0'],
		['an exponent', '1e2'],
		['negative zero', '-0'],
		['2^53', '9007199254740992'],
		['a number that loses digits', '9007199254740993'],
		['an escape that is not needed', '"\\u0041"'],
		['an escaped slash', '"\\/"'],
		['upper-case hex', '"\\u001F"'],
		['a lone surrogate', '"\\ud800"'],
		['a lone surrogate as it is', '"\ud800"'],
		['a key beyond ASCII', '{"ä":1}'],
		['nine levels', '[[[[[[[[[]]]]]]]]]'],
		['a very deep one', '['.repeat(60_000)],
		['nothing', ''],
		['two values', '1 2'],
		['a byte order mark', '\ufeff1']
	])('refuses %s', (_name, text) => {
		expect(codeOf(() => canonical.decode(text))).toBe('log.malformed_core');
	});

	it('takes eight levels, and prototypes are only names', () => {
		expect(canonical.decode('[[[[[[[[]]]]]]]]')).toBeDefined();
		expect(canonical.encode(canonical.decode('{"__proto__":1,"constructor":2}'))).toBe('{"__proto__":1,"constructor":2}');
	});

	it('refuses bytes that are not UTF-8 and texts above the limit', () => {
		expect(codeOf(() => canonical.decodeBytes(new Uint8Array([0x22, 0xff, 0x22])))).toBe('log.malformed_core');
		expect(codeOf(() => canonical.decode('"ää"', 5))).toBe('log.oversized');
	});
});

describe('core', () => {
	it('understands what the server wrote', async () => {
		const parsed = parse(GENESIS);
		expect(parsed.id).toBe(GENESIS_ID);
		expect(parsed.space).toBe(GENESIS_ID);
		expect(parsed.body).toEqual({ n: 1, title: 'Tischlerei „Lindner“ \x7f\n\u0001/' });
		await checkSignature(GENESIS, parsed, GENESIS_KEY);
	});

	it('writes and reads its own', async () => {
		const anna = await person();
		const body: JsonObject = { text: 'Grüße', blobs: [b64(randomBytes(32))] };
		const { id, parcel } = await author(anna, draft({ space: 'A'.repeat(43) as SpaceId }), body, randomBytes(16));
		const parsed = parse(parcel);
		expect(parsed).toMatchObject({ id, space: 'A'.repeat(43), body, blobs: body['blobs'] });
		await checkSignature(parcel, parsed, anna.key);
		await expect(checkSignature(parcel, parsed, GENESIS_KEY)).rejects.toThrow('log.unsigned');
	});

	it('sees every changed byte', async () => {
		const anna = await person();
		const { parcel } = await author(anna, draft(), { text: 'a' }, randomBytes(16));
		const outcome = async (changed: Parcel): Promise<string> => {
			try {
				await checkSignature(changed, parse(changed), anna.key);
				return 'taken';
			} catch (error) {
				return (error as Refusal).code;
			}
		};
		expect(await outcome(parcel)).toBe('taken');
		expect(await outcome({ ...parcel, b: '{"text":"b"}' })).toBe('log.malformed_core');
		expect(await outcome({ ...parcel, sa: b64(randomBytes(16)) })).toBe('log.malformed_core');
		expect(await outcome({ ...parcel, c: parcel.c.replace('"mu":false', '"mu":true') })).toBe('log.unsigned');
		expect(await outcome({ ...parcel, s: b64(randomBytes(64)) })).toBe('log.unsigned');
		expect(await outcome({ ...parcel, s: b64(randomBytes(63)) })).toBe('log.unsigned');
		expect(await outcome({ ...parcel, sa: null, b: null })).toBe('taken');
	});

	it.each<[string, (core: Record<string, unknown>) => void]>([
		['a missing name', (core) => delete core['mu']],
		['an additional name', (core) => (core['zz'] = 1)],
		['number 0', (core) => (core['ds'] = 0)],
		['number 2 without the one before', (core) => (core['ds'] = 2)],
		['number 1 with one before', (core) => (core['dp'] = GENESIS_ID)],
		['another format', (core) => (core['v'] = 2)],
		['a strange kind', (core) => (core['k'] = 'chat.Message.1')],
		['a time that is none', (core) => (core['t'] = '0')],
		['a null space', (core) => (core['sp'] = null)],
		['five heads', (core) => (core['ah'] = [...'ABCDE'].map((c) => c.repeat(42) + 'A'))],
		['heads out of order', (core) => (core['ah'] = ['B'.repeat(42) + 'A', 'A'.repeat(43)])],
		['a head twice', (core) => (core['ah'] = ['A'.repeat(43), 'A'.repeat(43)])],
		['nine references', (core) => (core['re'] = Array(9).fill(GENESIS_ID))],
		['a reference that is none', (core) => (core['re'] = ['x'])],
		['a body above the limit', (core) => (core['bs'] = BODY_BYTES_MAX + 1)],
		['a truth that is none', (core) => (core['mu'] = 1)]
	])('refuses %s', (_name, spoil) => {
		const core = JSON.parse(GENESIS.c) as Record<string, unknown>;
		spoil(core);
		const parcel = { ...GENESIS, c: canonical.encode(core), sa: null, b: null };
		expect(codeOf(() => parse(parcel))).toBe('log.malformed_core');
	});

	it('never does anything but refuse, whatever the parcel', () => {
		const anything = fc.oneof(fc.string(), fc.json(), fc.constant(GENESIS.c), fc.constant(null), fc.anything());
		fc.assert(
			fc.property(anything, anything, anything, anything, (c, s, sa, b) => {
				expect(['none', 'log.malformed_core', 'log.oversized']).toContain(
					codeOf(() => parse({ c, s, sa, b } as unknown as Parcel))
				);
			})
		);
	});

	it('refuses to write what would be refused', async () => {
		const anna = await person();
		const long = { text: 'x'.repeat(BODY_BYTES_MAX) };
		await expect(author(anna, draft(), long, randomBytes(16))).rejects.toThrow('log.oversized');
		await expect(author(anna, draft({ ds: 2 }), {}, randomBytes(16))).rejects.toThrow('log.malformed_core');
		await expect(author(anna, draft(), { n: 1.5 }, randomBytes(16))).rejects.toThrow('log.malformed_core');
	});
});

describe('keys', () => {
	it.each([
		['the neutral element', '01' + '00'.repeat(31)],
		['a point of order 2', 'ec' + 'ff'.repeat(30) + '7f'],
		['a point of order 4', '00'.repeat(32)],
		['a point of order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
		['a coordinate above p', 'ee' + 'ff'.repeat(30) + '7f'],
		['a point beside the curve', '02' + '00'.repeat(31)]
	])('refuses %s', async (_name, hex) => {
		const key: PublicKey = { alg: 'ed25519', raw: new Uint8Array(Buffer.from(hex, 'hex')) };
		await expect(checkKey(key)).rejects.toThrow('base.weak_key');
	});

	it('refuses P-256 points beside the curve, compressed points and other algorithms', async () => {
		await expect(checkKey({ alg: 'p256', raw: new Uint8Array(65).fill(4) })).rejects.toThrow('base.weak_key');
		expect(codeOf(() => publicKey('p256', b64(new Uint8Array(33).fill(2))))).toBe('base.weak_key');
		expect(codeOf(() => publicKey('rsa', b64(randomBytes(32))))).toBe('base.weak_key');
		expect(codeOf(() => publicKey('ed25519', 'AB'))).toBe('base.weak_key');
	});

	it('signs with both algorithms', async () => {
		const message = utf8('hello');
		const pair = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])) as CryptoKeyPair;
		const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
		const signature = await sign('p256', pair.privateKey, message);
		expect(signature.length).toBe(64);
		expect(await verify({ alg: 'p256', raw }, signature, message)).toBe(true);
		expect(await verify({ alg: 'p256', raw }, signature, utf8('hallo'))).toBe(false);
		await checkKey({ alg: 'p256', raw });
		const { key, secret } = await generate();
		expect(key.alg).toBe('ed25519');
		expect(secret.extractable).toBe(false);
		await checkKey(key);
		expect(await verify(key, await sign(key.alg, secret, message), message)).toBe(true);
	});

	it('where the browser has no Ed25519, the key is P-256 and the signatures of others are verified in script', async () => {
		const generateKey = crypto.subtle.generateKey.bind(crypto.subtle);
		const lacking = vi.spyOn(crypto.subtle, 'generateKey').mockImplementation(((algorithm: AlgorithmIdentifier, ...rest: [boolean, KeyUsage[]]) =>
			algorithm === 'Ed25519' ? Promise.reject(new DOMException('', 'NotSupportedError')) : generateKey(algorithm, ...rest)) as never);
		vi.resetModules();
		const keys = await import('./keys');
		const { key, secret } = await keys.generate();
		const message = utf8('hallo');
		expect([key.alg, key.raw.length, secret.extractable]).toEqual(['p256', 65, false]);
		expect(await keys.verify(key, await keys.sign(key.alg, secret, message), message)).toBe(true);
		const { signature } = parse(GENESIS);
		expect(await keys.verify(GENESIS_KEY, signature, utf8('verbund/core/1\0' + GENESIS.c))).toBe(true);
		expect(await keys.verify(GENESIS_KEY, signature, message)).toBe(false);
		lacking.mockRestore();
	});

	it('gives devices the name that the server gives them', () => {
		expect(deviceId(GENESIS_KEY)).toBe('tj6-ER2o9xG_saAkFPBvvJ1aNG5njsZEAZuKgc6lLlM');
	});
});

describe('chain', () => {
	const entry: Entry = { ...GENESIS, id: GENESIS_ID, p: PROVIDER, i: 1, n: 1, at: 1_700_000_000_000, o: 1, x: 0, h: '' };

	it('binds as the server binds', () => {
		expect(b64(chain(CHAIN_START, entry))).toBe('3NN52k-VWvwxXEhYSKz-dD60_Yuq1mqgi9JtMynDHoY');
		expect(b64(chain(CHAIN_START, { ...entry, x: 3 }))).toBe('q4Wm_oHkgyDdDCaP9NeGqkPQIlazCkjcnHWoUjRuUEE');
		expect(chain(CHAIN_START, { ...entry, x: 2 })).toEqual(chain(CHAIN_START, entry));
	});

	it('sees a change', () => {
		const good = { ...entry, h: '3NN52k-VWvwxXEhYSKz-dD60_Yuq1mqgi9JtMynDHoY' };
		expect(checkPlace(good, CHAIN_START).length).toBe(32);
		expect(codeOf(() => checkPlace({ ...good, at: good.at + 1 }, CHAIN_START))).toBe('log.broken_chain');
		expect(codeOf(() => checkPlace(good, new Uint8Array(32).fill(1)))).toBe('log.broken_chain');
	});
});

describe('clock', () => {
	it('only goes forward, whatever the wall clock does', () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { minLength: 2 }), (walls) => {
				let wall = 0;
				const hlc = new Hlc(() => wall);
				const stamps = walls.map((ms) => ((wall = ms), hlc.tick()));
				expect(stamps.every(isStamp)).toBe(true);
				expect([...new Set(stamps)].sort()).toEqual(stamps);
			})
		);
	});

	it('is later than what it saw, but never follows into the far future', () => {
		const hlc = new Hlc(() => 1000);
		hlc.observe(stampAt(2000, 7));
		expect(hlc.tick()).toBe(stampAt(2000, 8));
		hlc.observe(stampAt(1000 + FUTURE_MAX_MS + 1));
		expect(msOf(hlc.tick())).toBe(2000);
	});
});

describe('derived spaces', () => {
	it('are one, whoever begins', () => {
		const [a, b] = ['a', 'b'] as AccountId[];
		expect(directSpace([a!, b!])).toBe(directSpace([b!, a!]));
	});
});
