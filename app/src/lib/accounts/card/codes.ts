/**
 * The codes of an emergency card. A code is never sent anywhere: the browser makes a key from it by Argon2id (RFC 9106),
 * and providers know the public half. 80 random bits, so nobody finds it from there.
 */
import { b64, deviceId, utf8, type DeviceId, type Signer } from '$lib/base';

/** Letters and digits that nobody confuses; 32 of them. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
export const CODE_CHARS = 16;
export const NUMBER_CHARS = 8;
const GROUP_CHARS = 4;
/** 8 MiB, one pass: a code is random, so it needs less than a password, and a phone makes eight of them in a row. */
const ARGON2 = { t: 1, m: 8_192, p: 1, dkLen: 32 } as const;
const DOMAIN = 'verbund/card/1\0';

export interface CodeKey extends Signer {
	alg: 'ed25519';
	/** The raw public key as text. */
	key: string;
}

export const newCode = () => random(CODE_CHARS);
export const newNumber = () => random(NUMBER_CHARS);

/** In groups of four, as it is printed. */
export const spelled = (text: string) => text.match(new RegExp(`.{1,${GROUP_CHARS}}`, 'g'))?.join('-') ?? '';

/** What somebody typed, as it was printed: small letters, spaces and hyphens do not count. Null for what is none. */
export function read(text: string, chars: number): string | null {
	const plain = text.toUpperCase().replace(/[\s–-]/g, '').replace(/0/g, 'O').replace(/1/g, 'I');
	return plain.length === chars && [...plain].every((letter) => LETTERS.includes(letter)) ? plain : null;
}

/** The key that follows from a code of the card with this number. Takes a moment. */
export async function keyOf(code: string, number: string): Promise<CodeKey> {
	const [{ argon2idAsync }, { ed25519 }] = await Promise.all([import('@noble/hashes/argon2.js'), import('@noble/curves/ed25519.js')]);
	const seed = (await argon2idAsync(utf8(code), utf8(DOMAIN + number), ARGON2)) as Uint8Array<ArrayBuffer>;
	const raw = ed25519.getPublicKey(seed) as Uint8Array<ArrayBuffer>;
	const id: DeviceId = deviceId({ alg: 'ed25519', raw });
	return { id, alg: 'ed25519', key: b64(raw), sign: (message) => Promise.resolve(ed25519.sign(message, seed) as Uint8Array<ArrayBuffer>) };
}

function random(chars: number): string {
	return Array.from(crypto.getRandomValues(new Uint8Array(chars)), (byte) => LETTERS[byte % LETTERS.length]).join('');
}
