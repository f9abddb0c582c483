/** SHA-256, at once (cores are small) and piece by piece (files); and the ids that are hashes. */
import { sha256 as sha256Sync } from '@noble/hashes/sha2.js';
import { b64, concat, utf8, type Bytes } from './b64';
import type { AccountId, SpaceId } from './types';

/** 32 bytes over the parts put together. */
export function sha256(...parts: Uint8Array[]): Bytes {
	return new Uint8Array(sha256Sync(parts.length === 1 ? parts[0]! : concat(...parts)));
}

/** SHA-256 over the parts put together, as text (43 characters). */
export function digest(...parts: Uint8Array[]): string {
	return b64(sha256(...parts));
}

/** The conversation of these people: whoever begins it, it is the same space. */
export function directSpace(people: readonly AccountId[]): SpaceId {
	return digest(utf8('verbund/direct/1\0'), utf8([...people].sort().join(','))) as SpaceId;
}

/** The space that belongs to one person alone. */
export function personalSpace(account: AccountId): SpaceId {
	return digest(utf8('verbund/personal/1\0'), utf8(account)) as SpaceId;
}
