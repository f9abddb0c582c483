/** The browser's base against the real provider: what the small one in testing/ cannot prove. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBytes } from './b64';
import { hashFile } from './upload/hashing';
import { eventually, until } from './testing/eventually';
import { freshBrowser } from './testing/people';
import { Browser, invite, RealProvider } from './testing/real';
import type { Fact, SpaceId } from './types';
import type { Sync } from './sync';

const POSTED = 'chat.message_posted.1';
const START_TIMEOUT_MS = 120_000;

let provider: RealProvider;
let anna: Sync;
let ben: Sync;
let firm: SpaceId;
let seen: { anna: Fact[]; ben: Fact[] };

const message = (text: string) => ({ channel: null, text, mentions: [], files: [], blobs: [], reply_to: null });
const texts = (facts: Fact[]): string[] => {
	const last = new Map(facts.map((fact) => [fact.id, fact]));
	return [...last.values()].filter((fact) => fact.state !== 'refused').map((fact) => String(fact.body?.['text']));
};

beforeAll(async () => {
	freshBrowser();
	seen = { anna: [], ben: [] };
	provider = await RealProvider.start();
	const annas = new Browser(provider, 'anna');
	await annas.register({ setup: provider.token, firm: 'Tischlerei Lindner' });
	anna = annas.sync();
	anna.on(POSTED, (fact) => seen.anna.push(fact));
	await anna.start();
	await until(() => anna.state === 'online');
	firm = anna.me.organisation!;
	const invitation = await invite(anna, firm);
	await until(() => anna.waiting === 0);
	const bens = new Browser(provider, 'ben');
	await bens.register({ invitation });
	ben = bens.sync();
	ben.on(POSTED, (fact) => seen.ben.push(fact));
	await ben.start();
	await until(() => ben.state === 'online');
}, START_TIMEOUT_MS);

afterAll(async () => {
	await Promise.all([anna?.stop(), ben?.stop()]);
	await provider?.end();
});

describe('two people at a real provider', () => {
	it('write to each other; each knows who wrote, and every signature and chain holds', async () => {
		await eventually(() => ben.space(firm)?.role).toBe('member');
		await anna.post(firm, POSTED, message('Guten Morgen'));
		await eventually(() => texts(seen.ben)).toContain('Guten Morgen');
		await ben.post(firm, POSTED, message('Moin'));
		await eventually(() => texts(seen.anna)).toEqual(['Guten Morgen', 'Moin']);
		expect(seen.ben[0]).toMatchObject({ by: anna.me.account.id, state: 'accepted', space: firm });
		expect(ben.name(anna.me.account.id)).toBe('anna');
		await Promise.all([anna.settled(), ben.settled()]);
		expect([anna.trouble, ben.trouble]).toEqual([null, null]);
	});

	it('found a team and write into it at once, from numbers this browser gave', async () => {
		const team = await anna.post(null, 'authority.space_created.1', {
			sort: 'team', title: 'Werkstatt', parent: firm, account: anna.me.account.id, providers: [anna.provider!.provider], address_form: 'sie'
		}) as unknown as SpaceId;
		await anna.post(team, POSTED, message('erste'));
		await eventually(() => anna.waiting).toBe(0);
		await eventually(() => anna.space(team)?.title).toBe('Werkstatt');
		expect(seen.anna.findLast((fact) => fact.space === team)).toMatchObject({ state: 'accepted', ds: 2 });
	});

	it('hear a refusal with its sentence, and go on behind the void', async () => {
		const id = await ben.post(firm, 'authority.role_changed.1', { account: ben.me.account.id, role: 'owner' });
		await ben.post(firm, POSTED, message('danach'));
		await eventually(() => ben.waiting).toBe(0);
		const item = await ben.store.db.get('outbox', id);
		expect(item).toMatchObject({ state: 'refused' });
		expect(item!.detail).toMatch(/\S+ \S+/);
		await eventually(() => texts(seen.anna)).toContain('danach');
	});

	it('lose nothing when the provider is killed in the middle', async () => {
		const wanted = Array.from({ length: 40 }, (_, at) => `Nachricht ${at}`);
		const posting = (async () => {
			for (const text of wanted) await anna.post(firm, POSTED, message(text));
		})();
		await eventually(() => texts(seen.ben).includes('Nachricht 5')).toBe(true);
		await provider.kill();
		await posting;
		await ben.post(firm, POSTED, message('ohne Netz'));
		await provider.up();
		await eventually(() => [anna.state, ben.state]).toEqual(['online', 'online']);
		await eventually(() => anna.waiting + ben.waiting).toBe(0);
		await eventually(() => texts(seen.ben).filter((text) => text.startsWith('Nachricht'))).toEqual(wanted);
		await eventually(() => texts(seen.anna).filter((text) => text === 'ohne Netz')).toEqual(['ohne Netz']);
		expect([anna.trouble, ben.trouble]).toEqual([null, null]);
	}, START_TIMEOUT_MS);

	it('pass signals on', async () => {
		const heard: unknown[] = [];
		ben.onSignal('typing', (signal) => heard.push([signal.space, signal.by]));
		expect(anna.signal(firm, 'typing', { channel: null })).toBe(true);
		await eventually(() => heard).toEqual([[firm, anna.me.account.id]]);
		await expect(anna.call('nobody.knows', {})).rejects.toMatchObject({ code: 'base.unknown' });
	});

	it('send a file in chunks, and its hash is that of the bytes', async () => {
		const bytes = new Uint8Array(9 * 1024 * 1024 + 17);
		for (let at = 0; at < bytes.length; at += 65_536) bytes.set(randomBytes(Math.min(65_536, bytes.length - at)), at);
		const file = new File([bytes], 'plan.pdf', { type: 'application/pdf' });
		const upload = await anna.uploads.add(firm, file);
		const hash = await upload.done;
		expect(hash).toBe((await hashFile(file, () => {})).hash);
		expect(upload).toMatchObject({ state: 'done', progress: 1, code: null });
		const again = await anna.uploads.add(firm, file);
		expect(await again.done).toBe(hash);
	});
});
