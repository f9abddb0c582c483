/** Signing in at another provider, against a real one: what is signed, what is shown, and what is never said. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Offline } from './errors';
import { Hosts } from './hosts';
import { freshBrowser } from './testing/people';
import { Browser, RealProvider } from './testing/real';

const START_TIMEOUT_MS = 120_000;
let provider: RealProvider;
let anna: Browser;

beforeAll(async () => {
	freshBrowser();
	provider = await RealProvider.start();
	anna = new Browser(provider, 'anna');
	await anna.register({ setup: provider.token, firm: 'Tischlerei Lindner' });
}, START_TIMEOUT_MS);

afterAll(() => provider?.end());

/** What goes over the wire. */
function watched(): { hosts: Hosts; asked: string[]; bodies: string[] } {
	const asked: string[] = [];
	const bodies: string[] = [];
	const hosts = new Hosts(anna.device, (input, init) => {
		asked.push(String(input));
		bodies.push(String(init?.body ?? ''));
		return fetch(input, init);
	});
	return { hosts, asked, bodies };
}

it('shows a token that counts, and asks for it once', async () => {
	const { hosts, asked } = watched();
	const [token, again] = await Promise.all([hosts.token(provider.origin), hosts.token(provider.origin)]);
	expect(again).toBe(token);
	expect(asked).toHaveLength(2);
	expect(asked.join()).not.toContain(token);
	const me = await fetch(`${provider.origin}/api/me`, { headers: { authorization: `Bearer ${token}` } });
	expect(await me.json()).toMatchObject({ device: anna.device.id });
});

it('signs for nobody but the provider that was dialled', async () => {
	const asked: string[] = [];
	const hosts = new Hosts(anna.device, async (input, init) => {
		asked.push(String(input));
		return fetch(String(input).replace('https://false.example', provider.origin), init);
	});
	await expect(hosts.token('https://false.example')).rejects.toBeInstanceOf(Offline);
	expect(asked).toEqual(['https://false.example/api/sessions/challenge']);
});

it('is offline where nobody answers, and tries again the next time', async () => {
	let fails = true;
	const hosts = new Hosts(anna.device, (input, init) => (fails ? Promise.reject(new TypeError('refused')) : fetch(input, init)));
	await expect(hosts.token(provider.origin)).rejects.toBeInstanceOf(Offline);
	fails = false;
	expect(await hosts.token(provider.origin)).toMatch(/^[\w-]+\.[\w-]+$/);
});
