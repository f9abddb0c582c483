/** Passkeys: what the provider asks for and the browser answers (WebAuthn level 3). The library loads when it is needed. */
import { api } from '$lib/base';
import { thisBrowser } from './browser';

export interface PasskeyAnswer {
	challenge: string;
	credential: unknown;
	label: string;
}

interface Asked<Options> {
	challenge: string;
	options: Options;
}

export const passkeysPossible = () => typeof PublicKeyCredential !== 'undefined' && isSecureContext;

/** Makes a passkey on this device or key. Without names it is for the account that is signed in. */
export async function makePasskey(handle?: string, name?: string): Promise<PasskeyAnswer> {
	const { startRegistration } = await import('@simplewebauthn/browser');
	type Options = Parameters<typeof startRegistration>[0]['optionsJSON'];
	const asked = await (handle === undefined ? api.post<Asked<Options>>('/api/passkeys/options') : api.post<Asked<Options>>('/api/accounts/passkey/options', { handle, name }));
	const credential = await startRegistration({ optionsJSON: asked.options });
	return { challenge: asked.challenge, credential, label: thisBrowser() };
}

/** Shows that a passkey of this provider is at hand. It signs for this device, so that it can bring it in. */
export async function usePasskey(device: { alg: string; key: string; label: string }): Promise<PasskeyAnswer> {
	const { startAuthentication } = await import('@simplewebauthn/browser');
	type Options = Parameters<typeof startAuthentication>[0]['optionsJSON'];
	const asked = await api.post<Asked<Options>>('/api/sessions/passkey/options', { device });
	const credential = await startAuthentication({ optionsJSON: asked.options });
	return { challenge: asked.challenge, credential, label: thisBrowser() };
}

/** The person closed the browser's window or waited too long: no error to speak of. */
export const wasCancelled = (error: unknown) => error instanceof Error && (error.name === 'NotAllowedError' || error.name === 'AbortError');
