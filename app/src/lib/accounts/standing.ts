/**
 * Passkeys at providers beside one's home. A browser makes a passkey for the page that it is on, so the other provider's
 * page makes it; this page, which holds the account's device, writes it into the account's log.
 */
import { api, type Api, type CoreId, type DeviceId, type Host, type ProviderId, type SpaceId, type Sync } from '$lib/base';
import { thisBrowser } from './browser';
import type { PasskeyAnswer } from './passkeys';
import { postSettled } from './settled';

/** A passkey that stands in the log. `devices`: what it brought in; `used_at`: when it did so last. */
export interface StandingPasskey {
	fact: CoreId;
	provider: ProviderId;
	origin: string;
	label: string;
	made_at: number;
	devices: DeviceId[];
	used_at: number | null;
}
interface Made {
	credential: string;
	key: string;
	provider: ProviderId;
	origin: string;
	label: string;
}
/** A passkey that is being made on another provider's page. */
export interface Visit {
	ticket: string;
	ends_at: number;
	there: Api;
}

/** Browsers make passkeys for names, not for bare numbers, and only where nobody can listen. */
export function mayHavePasskeys(url: string): boolean {
	const { protocol, hostname } = new URL(url);
	const isNumber = hostname.includes(':') || /^[\d.]+$/.test(hostname);
	return !isNumber && (protocol === 'https:' || hostname === 'localhost' || hostname.endsWith('.localhost'));
}

/** Where a passkey could be made, beside the account's home. */
export const placesFor = (sync: Sync, home: ProviderId | null): Host[] => (sync.me.hosts ?? []).filter((host) => host.provider !== (home ?? sync.here) && mayHavePasskeys(host.url));

export async function beginVisit(sync: Sync, host: Host): Promise<Visit> {
	const there = host.provider === sync.here ? api : sync.at(host);
	return { ...(await there.post<{ ticket: string; ends_at: number }>('/api/passkeys/visits')), there };
}

export const addressOf = (host: Host, { ticket }: Visit) => `${host.url}/passkey#${ticket}`;

/** True once the passkey was made there and written down here. */
export async function finishVisit(sync: Sync, host: Host, { ticket, there }: Visit): Promise<boolean> {
	const { made } = await there.post<{ made: Made | null }>('/api/passkeys/visits/state', { ticket });
	// What it says of itself must be the provider that was asked, or its passkey would stand for another.
	if (made === null || made.provider !== host.provider || made.origin !== host.url) return false;
	await postSettled(sync, spaceOf(sync), 'account.passkey_made.1', { ...made });
	return true;
}

/** It is good nowhere any more. What it brought in stays; each can be signed out by itself. */
export const revokePasskey = (sync: Sync, { fact, devices }: StandingPasskey) =>
	postSettled(sync, spaceOf(sync), 'account.passkey_revoked.1', { passkey: fact, stays: devices }, { re: [fact] });

interface Asked {
	name: string;
	challenge: string;
	options: unknown;
}

/** On the other provider's page: for whom, and what the browser needs. */
export const askVisit = (ticket: string) => api.post<Asked>('/api/passkeys/visits/options', { ticket });

/** On the other provider's page: make it. Within a click, or browsers refuse. */
export async function makeThere(ticket: string, asked: Asked): Promise<void> {
	const { startRegistration } = await import('@simplewebauthn/browser');
	type Options = Parameters<typeof startRegistration>[0]['optionsJSON'];
	const credential = await startRegistration({ optionsJSON: asked.options as Options });
	const passkey: PasskeyAnswer = { challenge: asked.challenge, credential, label: thisBrowser() };
	await api.post('/api/passkeys/visits/answer', { ticket, passkey });
}

const spaceOf = (sync: Sync) => sync.me.account.id as unknown as SpaceId;
