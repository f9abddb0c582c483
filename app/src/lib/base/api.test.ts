/** Which provider is asked, what is asked again, and what another provider may not decide. */
import { describe, expect, it, vi } from 'vitest';
import { makeApi } from './api';
import { Offline } from './errors';
import type { Way } from './hosts';

interface Asked {
	url: string;
	init: RequestInit;
}

const way = (over: Partial<Way> = {}): Way => ({ url: 'https://suednetz.example', token: async () => 'schein', forget: () => {}, ...over });

function asking(answer: (url: string, init: RequestInit) => Promise<Response>) {
	const asked: Asked[] = [];
	const api = makeApi('', (input, init) => {
		asked.push({ url: String(input), init: init! });
		return answer(String(input), init!);
	});
	api.hasOthers = () => true;
	return { api, asked };
}

const never = (_url: string, { signal }: RequestInit): Promise<Response> =>
	new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error)));
const headers = ({ init }: Asked) => init.headers as Record<string, string>;

describe('a request', () => {
	it('goes to the own provider with its cookie and without a token', async () => {
		const { api, asked } = asking(async () => Response.json({}));
		await api.get('/api/me');
		expect(asked[0]).toMatchObject({ url: '/api/me', init: { credentials: 'same-origin' } });
		expect(headers(asked[0]!)).not.toHaveProperty('authorization');
	});

	it('goes to the one that stands in with a token, without a cookie, and home again', async () => {
		const { api, asked } = asking(async () => Response.json({}));
		api.turn(way());
		await api.post('/api/log', {});
		api.turn(null);
		await api.post('/api/log', {});
		expect(asked.map(({ url, init }) => [url, init.credentials])).toEqual([
			['https://suednetz.example/api/log', 'omit'], ['/api/log', 'same-origin']
		]);
		expect(headers(asked[0]!)['authorization']).toBe('Bearer schein');
	});

	it('that only asks is asked again when the provider changes meanwhile; one that writes is not', async () => {
		const { api, asked } = asking((url, init) => (url.startsWith('https') ? Promise.resolve(Response.json('da')) : never(url, init)));
		const [reads, writes] = [api.get('/api/me'), api.post('/api/log', {})];
		const failed = expect(writes).rejects.toBeInstanceOf(Offline);
		api.turn(way());
		expect(await reads).toBe('da');
		await failed;
		expect(asked.map(({ url }) => url)).toEqual(['/api/me', '/api/log', 'https://suednetz.example/api/me']);
	});

	it('that failed waits for another provider, but not for ever, and not where there is none', async () => {
		const { api } = asking((url) => (url.startsWith('https') ? Promise.resolve(Response.json('da')) : Promise.reject(new TypeError('refused'))));
		const reads = api.get('/api/me');
		await new Promise((resolve) => setTimeout(resolve, 0));
		api.turn(way());
		expect(await reads).toBe('da');
		api.turn(null);
		api.hasOthers = () => false;
		await expect(api.get('/api/me')).rejects.toBeInstanceOf(Offline);
	});

	it('gets a new token once when the old one is refused, and nobody is signed out there', async () => {
		const forget = vi.fn();
		const { api, asked } = asking(async () => Response.json({ code: 'accounts.signed_out' }, { status: 401 }));
		api.hasOthers = () => false;
		api.onSignedOut = vi.fn();
		api.turn(way({ forget }));
		await expect(api.get('/api/me')).rejects.toBeInstanceOf(Offline);
		expect([asked.length, forget.mock.calls.length]).toEqual([2, 1]);
		expect(api.onSignedOut).not.toHaveBeenCalled();
	});

	it('is given up by whoever asked', async () => {
		const { api } = asking(never);
		const stopper = new AbortController();
		const reads = api.get('/api/me', { signal: stopper.signal });
		stopper.abort(new Error('nicht mehr nötig'));
		await expect(reads).rejects.toThrow('nicht mehr nötig');
	});

	it.each(['https://elsewhere.example/', '//elsewhere.example/', 'api/me'])('never leaves for %s', async (path) => {
		const { api, asked } = asking(async () => Response.json({}));
		api.turn(way());
		await expect(api.get(path)).rejects.toMatchObject({ code: 'log.malformed_core' });
		expect(asked).toEqual([]);
	});
});
