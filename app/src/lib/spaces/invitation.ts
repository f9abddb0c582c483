/** Invitations: a key that is made for each, whose private half travels in the part of a link that browsers do not send. */
import { b64, unb64, type AccountId, type CoreId, type SpaceId } from '$lib/base';

const SEED_BYTES = 32;
const ID_CHARS = 43;
/** PKCS #8 of an Ed25519 key up to its seed (RFC 8410, section 7). */
const PKCS8_HEAD = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

export interface Ticket {
	space: SpaceId;
	invitation: CoreId;
	seed: string;
}

/** A fresh key: the seed for the link, the public half for the fact. */
export async function makeKey(): Promise<{ seed: string; key: string }> {
	const { ed25519 } = await import('@noble/curves/ed25519.js');
	const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
	return { seed: b64(seed), key: b64(ed25519.getPublicKey(seed) as Uint8Array<ArrayBuffer>) };
}

/** The signature with which an account may join. Browsers without Ed25519 of their own load it. */
export async function sign(ticket: Ticket, account: AccountId): Promise<string> {
	const message = new TextEncoder().encode(`verbund/join/1\0${ticket.space}\0${account}`);
	const seed = unb64(ticket.seed) as Uint8Array<ArrayBuffer>;
	try {
		const wrapped = new Uint8Array([...PKCS8_HEAD, ...seed]);
		const key = await crypto.subtle.importKey('pkcs8', wrapped, 'Ed25519', false, ['sign']);
		return b64(new Uint8Array(await crypto.subtle.sign('Ed25519', key, message)));
	} catch {
		const { ed25519 } = await import('@noble/curves/ed25519.js');
		return b64(ed25519.sign(message, seed) as Uint8Array<ArrayBuffer>);
	}
}

/**
 * The link opens the spaces in this order; the first is the one that is shown. `others`: where the same invitation can be
 * opened as well. They travel behind the tickets, in the part that no provider is sent.
 */
export function linkOf(origin: string, tickets: readonly Ticket[], others: readonly string[] = []): string {
	const opening = tickets.map(({ space, invitation, seed }) => `${space}.${invitation}.${seed}`).join('.');
	return `${origin}/einladung#${[opening, ...others].join(BETWEEN)}`;
}

/** The same invitation at each of these addresses, each link naming the others. */
export const linksOf = (origins: readonly string[], tickets: readonly Ticket[]): string[] =>
	origins.map((origin) => linkOf(origin, tickets, origins.filter((other) => other !== origin)));

const TICKETS_MAX = 2;
const OTHERS_MAX = 3;
const BETWEEN = '~';

/** The tickets of a link; none when it is incomplete. */
export function ticketsOf(fragment: string): Ticket[] {
	const parts = fragment.replace(/^#/, '').split(BETWEEN)[0]!.split('.');
	if (parts.length % 3 !== 0 || parts.length > 3 * TICKETS_MAX || parts.some((part) => !/^[\w-]+$/.test(part) || part.length !== ID_CHARS)) return [];
	return Array.from({ length: parts.length / 3 }, (_, at) => ({
		space: parts[3 * at] as SpaceId,
		invitation: parts[3 * at + 1] as CoreId,
		seed: parts[3 * at + 2]!
	}));
}

/** Where else the link's invitation can be opened: plain addresses, this one not among them. */
export function othersOf(fragment: string, own: string): string[] {
	const named = fragment.split(BETWEEN).slice(1);
	return [...new Set(named.filter((url) => url !== own && isOrigin(url)))].slice(0, OTHERS_MAX);
}

function isOrigin(url: string): boolean {
	try {
		const { origin, protocol } = new URL(url);
		return origin === url && (protocol === 'https:' || protocol === 'http:');
	} catch {
		return false;
	}
}
