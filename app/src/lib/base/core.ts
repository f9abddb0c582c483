/** Core and parcel: what a device signs, and how it travels. Pure; reads no clock and no store. */
import { b64, isHash, unb64, utf8, type Bytes } from './b64';
import * as canonical from './canonical';
import { NotCanonical, Refusal, TooLarge } from './errors';
import { digest, sha256 } from './hash';
import { isStamp, stampOf } from './hlc';
import { deviceId, verify, type PublicKey } from './keys';
import type { BlobHash, Core, CoreId, DeviceId, JsonObject, Parcel, SpaceId } from './types';

export const FORMAT = 1;
export const CORE_BYTES_MAX = 4 * 1024;
export const BODY_BYTES_MAX = 64 * 1024;
export const HEADS_MAX = 4;
export const REFERENCES_MAX = 8;
export const BLOBS_MAX = 32;
export const SALT_BYTES = 16;
export const KIND_CHARS_MAX = 80;
export const DOMAIN = utf8('verbund/core/1\0');
const KIND = /^[a-z]{1,20}\.[a-z_]{1,50}\.[1-9][0-9]{0,3}$/;
const NAMES = ['ah', 'bh', 'bk', 'bs', 'dev', 'dp', 'ds', 'k', 'mu', 're', 't', 'v'];

/** A parcel whose form is right; its signature is not checked yet. */
export interface Parsed {
	core: Core;
	id: CoreId;
	space: SpaceId;
	signature: Bytes;
	/** Null when erased. */
	body: JsonObject | null;
	blobs: BlobHash[];
	stamp: string;
}

/** What an author decides; the rest follows from key and body. */
export interface Draft {
	space: SpaceId | null;
	kind: string;
	ds: number;
	dp: CoreId | null;
	t: string;
	ah: readonly CoreId[];
	re: readonly CoreId[];
	/** Id of the key that the body is encrypted with. */
	bk?: string | null;
	mu?: boolean;
}

/** Whoever can sign: a device of this browser, or a test's person. */
export interface Signer {
	readonly id: DeviceId;
	sign(message: Bytes): Promise<Bytes>;
}

/** Sign an event. Raises NotCanonical, TooLarge. */
export async function author(
	signer: Signer,
	draft: Draft,
	body: JsonObject,
	salt: Bytes
): Promise<{ id: CoreId; parcel: Parcel }> {
	const bodyText = canonical.encode(body);
	const bodyBytes = utf8(bodyText);
	if (bodyBytes.length > BODY_BYTES_MAX) throw new TooLarge(`body of ${bodyBytes.length} bytes`);
	const core: Core = {
		ah: [...new Set(draft.ah)].sort(),
		bh: digest(salt, bodyBytes),
		bk: draft.bk ?? null,
		bs: bodyBytes.length,
		dev: signer.id,
		dp: draft.dp,
		ds: draft.ds,
		k: draft.kind,
		mu: draft.mu ?? false,
		re: [...draft.re],
		...(draft.space === null ? {} : { sp: draft.space }),
		t: draft.t,
		v: FORMAT
	};
	checkForm(core as unknown as Record<string, unknown>);
	const text = canonical.encode(core);
	const raw = utf8(text);
	if (raw.length > CORE_BYTES_MAX) throw new TooLarge(`core of ${raw.length} bytes`);
	const signature = await signer.sign(signedBytes(text));
	return { id: idOf(text), parcel: { c: text, s: b64(signature), sa: b64(salt), b: bodyText } };
}

/** The parcel's parts, each checked for form, size and hash. Raises NotCanonical, TooLarge; never anything else. */
export function parse(parcel: Parcel): Parsed {
	const { c, s, sa, b } = parcel;
	const optional = (part: unknown): boolean => part === null || typeof part === 'string';
	if (typeof c !== 'string' || typeof s !== 'string' || !optional(sa) || !optional(b)) throw new NotCanonical('parcel');
	const core = parseCore(c);
	const id = idOf(c);
	const body = b === null || sa === null ? null : parseBody(core, sa, b);
	return {
		core,
		id,
		space: core.sp ?? (id as unknown as SpaceId),
		signature: unb64(s),
		body,
		blobs: body === null ? [] : blobsOf(body),
		stamp: stampOf(core)
	};
}

/** Whether the core's device, which must hold this key, signed it. */
export async function isSigned(parcel: Parcel, parsed: Parsed, key: PublicKey): Promise<boolean> {
	if (deviceId(key) !== parsed.core.dev) return false;
	return verify(key, parsed.signature, signedBytes(parcel.c));
}

/** Raises Refusal `log.unsigned` unless the core's device, which must hold this key, signed it. */
export async function checkSignature(parcel: Parcel, parsed: Parsed, key: PublicKey): Promise<void> {
	if (!(await isSigned(parcel, parsed, key))) throw new Refusal('log.unsigned');
}

export function idOf(core: string): CoreId {
	return digest(DOMAIN, utf8(core)) as CoreId;
}

function signedBytes(core: string): Bytes {
	return utf8('verbund/core/1\0' + core);
}

function parseCore(text: string): Core {
	const value = canonical.decode(text, CORE_BYTES_MAX);
	if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new NotCanonical('core');
	checkForm(value as Record<string, unknown>);
	return value as unknown as Core;
}

function checkForm(core: Record<string, unknown>): void {
	const { ah, bh, bk, bs, dev, dp, ds, k, mu, re, sp, t, v } = core;
	const names = Object.keys(core).filter((name) => name !== 'sp');
	const good =
		names.length === NAMES.length &&
		NAMES.every((name) => Object.hasOwn(core, name)) &&
		v === FORMAT &&
		isWhole(ds, 1, Number.MAX_SAFE_INTEGER) &&
		isWhole(bs, 0, BODY_BYTES_MAX) &&
		(dp === null) === (ds === 1) &&
		(dp === null || isHash(dp)) &&
		isHash(dev) &&
		isHash(bh) &&
		(!Object.hasOwn(core, 'sp') || isHash(sp)) &&
		(bk === null || isHash(bk)) &&
		typeof mu === 'boolean' &&
		isStamp(t) &&
		isKind(k) &&
		isReferences(ah, HEADS_MAX) &&
		isStrictlySorted(ah) &&
		isReferences(re, REFERENCES_MAX);
	if (!good) throw new NotCanonical('core');
}

export function isKind(text: unknown): text is string {
	return typeof text === 'string' && text.length <= KIND_CHARS_MAX && KIND.test(text);
}

function isWhole(value: unknown, min: number, max: number): boolean {
	return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function isReferences(value: unknown, countMax: number): value is CoreId[] {
	return Array.isArray(value) && value.length <= countMax && value.every(isHash);
}

function isStrictlySorted(ids: readonly string[]): boolean {
	return ids.every((id, at) => at === 0 || ids[at - 1]! < id);
}

function parseBody(core: Core, salt: string, text: string): JsonObject {
	const bytes = utf8(text);
	if (bytes.length > BODY_BYTES_MAX) throw new TooLarge(`body of ${bytes.length} bytes`);
	const saltBytes = unb64(salt);
	if (saltBytes.length !== SALT_BYTES || core.bs !== bytes.length || digest(saltBytes, bytes) !== core.bh) {
		throw new NotCanonical('body does not match its hash');
	}
	const body = canonical.decode(text, BODY_BYTES_MAX);
	if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new NotCanonical('body is not an object');
	return body as JsonObject;
}

function blobsOf(body: JsonObject): BlobHash[] {
	const blobs = Object.hasOwn(body, 'blobs') ? body['blobs'] : [];
	if (!isReferences(blobs, BLOBS_MAX)) throw new NotCanonical('blobs');
	return blobs as unknown as BlobHash[];
}

/** 32 bytes: SHA-256 of salt and body, the salted commitment in `bh`. */
export function bodyHash(salt: Uint8Array, body: Uint8Array): Bytes {
	return sha256(salt, body);
}
