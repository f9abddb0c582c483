/**
 * Where this browser may go on, as its own provider signed it: with the key that signs its heads, which its root key
 * certifies. What does not prove itself adds no address, whoever says it.
 */
import { unb64, utf8 } from './b64';
import { encode } from './canonical';
import { providerId, publicKey, type verify } from './keys';
import type { AccountId, DeviceId, Host, ProviderId, SignedHosts } from './types';
import { isOrigin } from './way';

export const SAID_CHARS_MAX = 16 * 1024;
const LISTED_MAX = 8;
const KEY_DAYS_MS = 90 * 86_400_000;
const REVOKED_MAX = 64;
const HOSTS_DOMAIN = 'verbund/hosts/1\0';
const KEY_DOMAIN = 'verbund/head-key/1\0';

/** Kept beside the shell; of the device that was signed in when it came. */
export interface KeptHosts {
	device: DeviceId;
	signed: SignedHosts;
}

export interface HostList {
	account: AccountId;
	provider: ProviderId;
	at: number;
	hosts: Host[];
}

/** What a signed list says. Raises Error, Refusal where it does not prove itself. */
export async function readHosts(signed: SignedHosts, isSigned: typeof verify): Promise<HostList> {
	const root = publicKey(signed.alg, signed.root);
	const provider = providerId(root);
	const { number, until, revoked, key } = signed;
	if (!(until > number && until - number <= KEY_DAYS_MS) || revoked.length > REVOKED_MAX) throw new Error('such a key lasts no longer');
	const certified = utf8(KEY_DOMAIN + encode({ key, number, provider, revoked, until }));
	if (!(await isSigned(root, unb64(signed.certified), certified))) throw new Error('the root key certifies another');
	if (signed.said.length > SAID_CHARS_MAX) throw new Error('too long');
	if (!(await isSigned(publicKey('ed25519', key), unb64(signed.sig), utf8(HOSTS_DOMAIN + signed.said)))) throw new Error('not signed by this key');
	const said = JSON.parse(signed.said) as HostList;
	if (said.provider !== provider || said.at < number || said.at > until) throw new Error('of another provider or time');
	if (said.hosts.length > LISTED_MAX) throw new Error('too many');
	// An address that cannot be gone to takes none of the others with it.
	return { ...said, hosts: said.hosts.filter(({ url }) => isOrigin(url)) };
}

/**
 * The list that counts from now on. One that counts here already is followed only by a newer one of the same provider for
 * the same person, signed by a key that is not revoked. Raises Error, Refusal.
 */
export async function nextHosts(offered: SignedHosts | null | undefined, kept: SignedHosts | undefined, account: AccountId, isSigned: typeof verify): Promise<HostList> {
	if (!offered) throw new Error('unsigned');
	const next = await readHosts(offered, isSigned);
	if (next.account !== account) throw new Error('for somebody else');
	if (kept === undefined) return next;
	const before = await readHosts(kept, isSigned);
	if (next.provider !== before.provider) throw new Error('of another provider');
	if (next.at < before.at) throw new Error('older than what is known');
	if (kept.revoked.includes(offered.number)) throw new Error('its key is revoked');
	return next;
}
