/** Bytes as base64url without padding (RFC 4648, section 5); exactly one text stands for the same bytes. */
import { NotCanonical } from './errors';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Map([...ALPHABET].map((char, value) => [char, value]));
const HASH = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export type Bytes = Uint8Array<ArrayBuffer>;

export function b64(bytes: Uint8Array): string {
	let text = '';
	for (let at = 0; at < bytes.length; at += 3) {
		const left = bytes.length - at;
		const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
		text += char(word >> 18) + char(word >> 12);
		if (left > 1) text += char(word >> 6);
		if (left > 2) text += char(word);
	}
	return text;
}

/** Raises NotCanonical for padding, other alphabets and stray bits at the end. */
export function unb64(text: string): Bytes {
	const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
	let word = 0;
	let bits = 0;
	let at = 0;
	for (const one of text) {
		const value = VALUES.get(one);
		if (value === undefined) throw new NotCanonical('base64url');
		word = ((word << 6) | value) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[at++] = (word >> bits) & 0xff;
		}
	}
	if (text.length % 4 === 1 || (word & ((1 << bits) - 1)) !== 0) throw new NotCanonical('base64url');
	return bytes;
}

/** Whether this is the text form of 32 bytes. */
export function isHash(text: unknown): text is string {
	return typeof text === 'string' && HASH.test(text);
}

export function utf8(text: string): Bytes {
	return encoder.encode(text);
}

/** Raises TypeError for bytes that are not UTF-8. */
export function text(bytes: Uint8Array): string {
	return decoder.decode(bytes);
}

export function concat(...parts: Uint8Array[]): Bytes {
	const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

export function randomBytes(length: number): Bytes {
	return crypto.getRandomValues(new Uint8Array(length));
}

function char(value: number): string {
	return ALPHABET.charAt(value & 63);
}
