/** Coming in at a provider with the key of this browser's device: what it signs, and a session at the page's own. */
import { makeApi, type Api } from './api';
import { b64, utf8 } from './b64';
import { encode } from './canonical';
import { Offline } from './errors';
import type { Signer } from './core';

const LOGIN_DOMAIN = 'verbund/login/1\0';

export interface Challenge {
	nonce: string;
	audience: string;
	expires_at: number;
}

/** The answer to a challenge. A signature is good at one provider only: nobody gets one for somebody else. */
export async function answerTo({ nonce, audience }: Challenge, origin: string, device: Signer): Promise<{ dev: string; challenge: string; sig: string }> {
	if (audience !== origin) throw new Offline('meant for another provider');
	const message = utf8(LOGIN_DOMAIN + encode({ aud: audience, dev: device.id, nonce }));
	return { dev: device.id, challenge: nonce, sig: b64(await device.sign(message)) };
}

/** A session of this browser at the page's own provider, whoever stands in for it. Raises ApiError, Offline. */
export async function enter(device: Signer, own: Api = makeApi()): Promise<void> {
	const challenge = await own.post<Challenge>('/api/sessions/challenge');
	await own.post('/api/sessions/device', await answerTo(challenge, location.origin, device));
}
