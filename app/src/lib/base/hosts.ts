/** Where else this browser can go on: other providers that hold the same spaces, entered with the key of the device. */
import { answerTo, type Challenge } from './entering';
import { Offline } from './errors';
import type { Signer } from './core';
import type { Host } from './types';

const SIGN_IN_TIMEOUT_MS = 5_000;
/** A token that ends so soon is not shown any more. */
const RENEW_MS = 60_000;
const PROTOCOL = 'verbund.1';

interface Token {
	text: string;
	endsAt: number;
}

/** How requests reach a provider that is not the page's own. */
export interface Way {
	url: string;
	token: () => Promise<string>;
	/** The provider refused the token: the next one is new. */
	forget: () => void;
}

export class Hosts {
	readonly #tokens = new Map<string, Promise<Token>>();

	constructor(
		private readonly device: Signer,
		private readonly send: typeof fetch = (...request) => fetch(...request)
	) {}

	/** A socket at another provider; the token travels as its subprotocol, never in the address. Raises Offline. */
	async open({ url }: Host): Promise<WebSocket> {
		const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/live`, [PROTOCOL, `bearer.${await this.token(url)}`]);
		let isGreeted = false;
		socket.addEventListener('message', () => (isGreeted = true), { once: true });
		// A provider that was started anew knows no token of before; a refusal looks like any other end.
		socket.addEventListener('close', () => isGreeted || this.forget(url), { once: true });
		return socket;
	}

	way({ url }: Host): Way {
		return { url, token: () => this.token(url), forget: () => this.forget(url) };
	}

	forget(url: string): void {
		this.#tokens.delete(url);
	}

	/** Raises Offline where the provider is away, or does not know this device. */
	async token(url: string): Promise<string> {
		let held = this.#tokens.get(url);
		if (held !== undefined && (await held).endsAt - Date.now() < RENEW_MS) held = undefined;
		if (held === undefined) {
			held = this.#signIn(url);
			this.#tokens.set(url, held);
			held.catch(() => this.forget(url));
		}
		return (await held).text;
	}

	async #signIn(url: string): Promise<Token> {
		const begun = Date.now();
		const challenge = await this.#post<Challenge>(url, 'challenge', {});
		const told = await this.#post<{ token: string; ends_at: number }>(url, 'device', { ...(await answerTo(challenge, url, this.device)), bearer: true });
		// The provider's clock may be another: the life counts from the challenge, which lives a minute there.
		return { text: told.token, endsAt: begun + told.ends_at - (challenge.expires_at - RENEW_MS) };
	}

	async #post<T>(url: string, path: string, body: object): Promise<T> {
		try {
			const response = await this.send(`${url}/api/sessions/${path}`, {
				// As plain text a browser need not ask first whether it may: when a provider dies, that is half of all requests.
				method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'text/plain;charset=UTF-8' },
				credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(SIGN_IN_TIMEOUT_MS)
			});
			if (!response.ok) throw new Offline(`status ${response.status}`);
			return (await response.json()) as T;
		} catch (error) {
			throw error instanceof Offline ? error : new Offline(String(error));
		}
	}
}
