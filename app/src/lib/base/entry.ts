/** Entry: the place of a core in a provider's sub-log, and the chain that binds the places. Pure. */
import { b64, unb64, utf8, type Bytes } from './b64';
import * as canonical from './canonical';
import { NotCanonical, Refusal } from './errors';
import { sha256 } from './hash';
import type { Entry, ProviderId } from './types';

export const SETTLED = 0;
export const WAITING = 1;
export const QUARANTINED = 2;
export const VOID = 3;
/** Set aside, as the provider's release does not know its kind. */
export const NEWER = 4;
export const CHAIN_START: Bytes = new Uint8Array(32);
const DOMAIN = utf8('verbund/entry/1\0');

type Place = Pick<Entry, 'p' | 'i' | 'n' | 'id' | 'at' | 'x'>;

/** The chain after this entry (32 bytes), from the chain before it. */
export function chain(previous: Bytes, { p, i, n, id, at, x }: Place): Bytes {
	const envelope = canonical.encode({ at, i, id, n, p, x: x === VOID ? VOID : SETTLED });
	return sha256(DOMAIN, previous, utf8(envelope));
}

/** The chain after an entry that follows `previous`. Raises Refusal `log.broken_chain`. */
export function checkPlace(entry: Entry, previous: Bytes): Bytes {
	const expected = chain(previous, entry);
	if (b64(expected) !== entry.h) throw new Refusal('log.broken_chain', `${sublog(entry)}:${entry.n}`);
	return expected;
}

/** The key of a sub-log in a vector. */
export function sublog(entry: { p: ProviderId | string; i: number }): string {
	return `${entry.p}.${entry.i}`;
}

/** A chain from its text. Raises NotCanonical. */
export function chainOf(text: string): Bytes {
	const bytes = unb64(text);
	if (bytes.length !== CHAIN_START.length) throw new NotCanonical('chain');
	return bytes;
}
