/**
 * Keys: Ed25519 (RFC 8032) and ECDSA P-256; what a device is called; which keys are refused. The browser's own
 * cryptography does the work; @noble/curves is loaded only to judge Ed25519 points, and to verify where a browser cannot.
 */
import { b64, randomBytes, unb64, utf8, type Bytes } from './b64';
import { Refusal } from './errors';
import { digest } from './hash';
import type { DeviceId, ProviderId } from './types';

export type Alg = 'ed25519' | 'p256';

/** `raw` is 32 bytes (Ed25519) or 65 (P-256, uncompressed). */
export interface PublicKey {
	alg: Alg;
	raw: Bytes;
}

export const SIGNATURE_BYTES = 64;
const ED25519_BYTES = 32;
const P256_BYTES = 65;
const KEYS_HELD_MAX = 1024;
const ECDSA = { name: 'ECDSA', hash: 'SHA-256' } as const;
const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export function deviceId(key: PublicKey): DeviceId {
	return digest(utf8('verbund/device/1\0'), utf8(key.alg), utf8('\0'), key.raw) as DeviceId;
}

export function providerId(key: PublicKey): ProviderId {
	return digest(utf8('verbund/provider/1\0'), utf8(key.alg), utf8('\0'), key.raw) as ProviderId;
}

/** The key from its text. Raises Refusal `base.weak_key` for another algorithm or text; the point is not judged yet. */
export function publicKey(alg: string, key: string): PublicKey {
	let raw: Bytes;
	try {
		raw = unb64(key);
	} catch {
		throw new Refusal('base.weak_key', 'base64url');
	}
	if (alg === 'ed25519' && raw.length === ED25519_BYTES) return { alg, raw };
	if (alg === 'p256' && raw.length === P256_BYTES && raw[0] === 4) return { alg, raw };
	throw new Refusal('base.weak_key', 'algorithm or length');
}

/**
 * The key itself. Raises Refusal `base.weak_key` for points that are not canonical, not on the curve, of small order or
 * outside of the prime-order subgroup: the same as libsodium's `crypto_core_ed25519_is_valid_point`.
 */
export async function checkKey(key: PublicKey): Promise<PublicKey> {
	publicKey(key.alg, b64(key.raw));
	const good = key.alg === 'p256' ? await isP256Point(key.raw) : await isEd25519Point(key.raw);
	if (!good) throw new Refusal('base.weak_key', 'point');
	return key;
}

/** Whether the signature (64 bytes; P-256: r and s) is this key's over the message. */
export async function verify(key: PublicKey, signature: Bytes, message: Bytes): Promise<boolean> {
	if (signature.length === SIGNATURE_BYTES && !(await canVerify(key))) return verifyInScript(key, signature, message);
	return verifyItself(key, signature, message);
}

/** Whether this browser can verify with such a key itself. */
async function canVerify(key: PublicKey): Promise<boolean> {
	return key.alg === 'p256' || (await hasEd25519());
}

/** As `verify`, where nothing can be loaded: in a service worker. What the browser cannot verify itself it takes as verified. */
export async function verifyInWorker(key: PublicKey, signature: Bytes, message: Bytes): Promise<boolean> {
	return !(await canVerify(key)) || verifyItself(key, signature, message);
}

async function verifyItself(key: PublicKey, signature: Bytes, message: Bytes): Promise<boolean> {
	if (signature.length !== SIGNATURE_BYTES) return false;
	const imported = await importKey(key);
	if (imported === null) return false;
	return crypto.subtle.verify(key.alg === 'ed25519' ? 'Ed25519' : ECDSA, imported, signature, message);
}

/** Ed25519 where the browser has none: slower, the same verdicts (vectors.test.ts). */
export async function verifyInScript(key: PublicKey, signature: Bytes, message: Bytes): Promise<boolean> {
	const { ed25519 } = await import('@noble/curves/ed25519.js');
	try {
		return ed25519.verify(signature, message, key.raw, { zip215: false });
	} catch {
		return false;
	}
}

/** A new pair whose private half never leaves the browser. Raises Refusal `base.no_key` where there is no WebCrypto. */
export async function generate(): Promise<{ key: PublicKey; secret: CryptoKey }> {
	if (globalThis.crypto?.subtle === undefined) throw new Refusal('base.no_key', 'no secure context');
	const alg: Alg = (await hasEd25519()) ? 'ed25519' : 'p256';
	const usages: KeyUsage[] = ['sign', 'verify'];
	const pair = (await crypto.subtle.generateKey(alg === 'ed25519' ? 'Ed25519' : P256, false, usages)) as CryptoKeyPair;
	const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
	return { key: { alg, raw }, secret: pair.privateKey };
}

/** 64 bytes. */
export async function sign(alg: Alg, secret: CryptoKey, message: Bytes): Promise<Bytes> {
	return new Uint8Array(await crypto.subtle.sign(alg === 'ed25519' ? 'Ed25519' : ECDSA, secret, message));
}

let ed25519Known: Promise<boolean> | null = null;

/** Whether this browser signs and verifies Ed25519 itself, and lets the key lie in IndexedDB. */
export function hasEd25519(): Promise<boolean> {
	ed25519Known ??= probe();
	return ed25519Known;
}

async function probe(): Promise<boolean> {
	try {
		const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
		const message = randomBytes(16);
		const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, message);
		structuredClone(pair.privateKey);
		return await crypto.subtle.verify('Ed25519', pair.publicKey, signature, message);
	} catch {
		return false;
	}
}

const imported = new Map<string, Promise<CryptoKey | null>>();

function importKey(key: PublicKey): Promise<CryptoKey | null> {
	const name = key.alg + b64(key.raw);
	let found = imported.get(name);
	if (found === undefined) {
		if (imported.size >= KEYS_HELD_MAX) imported.delete(imported.keys().next().value!);
		const algorithm = key.alg === 'ed25519' ? 'Ed25519' : P256;
		found = crypto.subtle.importKey('raw', key.raw, algorithm, true, ['verify']).catch(() => null);
		imported.set(name, found);
	}
	return found;
}

async function isP256Point(raw: Bytes): Promise<boolean> {
	return (await importKey({ alg: 'p256', raw })) !== null;
}

async function isEd25519Point(raw: Bytes): Promise<boolean> {
	const { ed25519 } = await import('@noble/curves/ed25519.js');
	try {
		const point = ed25519.Point.fromBytes(raw, false);
		return !point.isSmallOrder() && point.isTorsionFree();
	} catch {
		return false;
	}
}
