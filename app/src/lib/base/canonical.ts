/**
 * Canonical text: the profile of JCS (RFC 8785) that everything signed is written in.
 *
 * Sorted ASCII keys, no white space, no floats, integers below 2^53, no lone surrogates, at most 8 levels. The bytes
 * are signed and kept; nothing is ever written anew to be verified.
 */
import { text as textOf, utf8 } from './b64';
import { NotCanonical, TooLarge } from './errors';
import type { Json } from './types';

export const DEPTH_MAX = 8;
const LONE_SURROGATE = /\p{Surrogate}/u;
// eslint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** The canonical text of a value. Raises NotCanonical for what the profile does not know. */
export function encode(value: unknown): string {
	return write(value, DEPTH_MAX);
}

/** The value of a canonical text. Raises NotCanonical unless `encode` gives exactly this text; TooLarge above the limit. */
export function decode(raw: string, bytesMax = Number.POSITIVE_INFINITY): Json {
	if (raw.length > bytesMax || utf8(raw).length > bytesMax) throw new TooLarge(`more than ${bytesMax} bytes`);
	let value: unknown;
	try {
		value = JSON.parse(raw);
	} catch (error) {
		throw new NotCanonical(String(error));
	}
	if (encode(value) !== raw) throw new NotCanonical('not canonical');
	return value as Json;
}

/** `decode` of bytes that must be UTF-8 first. */
export function decodeBytes(raw: Uint8Array, bytesMax = Number.POSITIVE_INFINITY): Json {
	let text: string;
	try {
		text = textOf(raw);
	} catch {
		throw new NotCanonical('not UTF-8');
	}
	return decode(text, bytesMax);
}

function write(value: unknown, depth: number): string {
	switch (typeof value) {
		case 'string':
			if (LONE_SURROGATE.test(value)) throw new NotCanonical('lone surrogate');
			return JSON.stringify(value);
		case 'boolean':
			return value ? 'true' : 'false';
		case 'number':
			if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new NotCanonical('not a safe integer');
			return String(value);
		case 'object':
			if (value === null) return 'null';
			if (depth === 0) throw new NotCanonical('too deep');
			return Array.isArray(value) ? writeList(value, depth - 1) : writeObject(value, depth - 1);
		default:
			throw new NotCanonical(`${typeof value} is not allowed`);
	}
}

function writeList(list: readonly unknown[], depth: number): string {
	return `[${Array.from(list, (inner) => write(inner, depth)).join(',')}]`;
}

function writeObject(value: object, depth: number): string {
	const keys = Object.keys(value).sort();
	const members = keys.map((key) => {
		if (!ASCII.test(key)) throw new NotCanonical('key is not ASCII');
		return `${JSON.stringify(key)}:${write((value as Record<string, unknown>)[key], depth)}`;
	});
	return `{${members.join(',')}}`;
}
