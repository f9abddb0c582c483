/** The signed list of hosts: who is believed, and what stays when somebody is not. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextHosts as next, readHosts as read } from './hostlist';
import { verify } from './keys';
import { Store } from './store';
import { Ways } from './sync/ways';
import { accountOf, freshBrowser } from './testing/people';
import { Browser, RealProvider } from './testing/real';
import { Signatory } from './testing/signatory';
import type { AccountId, DeviceId, Host, Me, ProviderId, SignedHosts } from './types';

const ANNA = accountOf('anna');
const PHONE = 'phone' as DeviceId;
const host = (name: string): Host => ({ provider: name as ProviderId, name, url: `https://${name}.example`, home: false });
const [WERKHOF, SUEDNETZ, STRANGE] = [host('werkhof'), host('suednetz'), host('strange')];

const readHosts = (signed: SignedHosts) => read(signed, verify);
const nextHosts = (offered: SignedHosts | null | undefined, kept: SignedHosts | undefined, account: AccountId) => next(offered, kept, account, verify);

let werkhof: Signatory;
beforeAll(async () => {
	werkhof = await Signatory.make();
});

describe('a signed list', () => {
	it('says what was signed', async () => {
		const list = await readHosts(await werkhof.sign(ANNA, [WERKHOF, SUEDNETZ]));
		expect(list).toEqual({ account: ANNA, provider: werkhof.provider, at: werkhof.number, hosts: [WERKHOF, SUEDNETZ] });
	});

	it.each<[string, (signed: SignedHosts) => Promise<SignedHosts> | SignedHosts]>([
		['another address in it', (signed) => ({ ...signed, said: signed.said.replace('suednetz.example', 'strange.example') })],
		['the root key of another', async (signed) => ({ ...signed, root: (await other()).root })],
		['a key that its root key does not certify', async (signed) => ({ ...signed, key: (await other()).key, sig: (await other()).sig })],
		['a longer life of its key', (signed) => ({ ...signed, until: signed.until + 1 })],
		['a key for ever', (signed) => ({ ...signed, until: signed.until + 3_600_000_000_000 })],
		['a revocation taken back', (signed) => ({ ...signed, revoked: [1] })],
		['no signature', (signed) => ({ ...signed, sig: '' })],
		['an unknown algorithm', (signed) => ({ ...signed, alg: 'none' })],
		['the name of another provider', () => werkhof.sign(ANNA, [SUEDNETZ], { provider: SUEDNETZ.provider })],
		['a time before its key', () => werkhof.sign(ANNA, [SUEDNETZ], { at: werkhof.number - 1 })],
		['more addresses than there may be', () => werkhof.sign(ANNA, Array.from({ length: 9 }, (_, at) => host(`p${at}`)))],
		['more text than there may be', () => werkhof.sign(ANNA, [{ ...SUEDNETZ, name: 'x'.repeat(20_000) }])]
	])('is not believed with %s', async (_what, change) => {
		await expect((async () => readHosts(await change(await werkhof.sign(ANNA, [WERKHOF, SUEDNETZ]))))()).rejects.toThrow();
	});

	it.each(['https://suednetz.example/x', 'https://suednetz.example:443', 'https://a.example; script-src *', '', 'javascript:alert(1)'])(
		'leaves out what is no plain address, and that alone: %s', async (url) => {
			expect((await readHosts(await werkhof.sign(ANNA, [WERKHOF, { ...SUEDNETZ, url }]))).hosts).toEqual([WERKHOF]);
		}
	);

	const other = async (): Promise<SignedHosts> => (await Signatory.make(werkhof.number)).sign(ANNA, [WERKHOF, SUEDNETZ]);
});

describe('the next list', () => {
	it('is a newer one of the same provider, with a newer key too', async () => {
		const kept = await werkhof.sign(ANNA, [WERKHOF]);
		const later = await werkhof.next(werkhof.number + 500);
		expect((await nextHosts(await later.sign(ANNA, [WERKHOF, SUEDNETZ], { revoked: [werkhof.number] }), kept, ANNA)).hosts).toEqual([WERKHOF, SUEDNETZ]);
	});

	it.each<[string, () => Promise<SignedHosts> | undefined]>([
		['unsigned', () => undefined],
		['of whoever stands in', async () => (await Signatory.make()).sign(ANNA, [SUEDNETZ, STRANGE])],
		['for somebody else', () => werkhof.sign(accountOf('ben'), [WERKHOF])],
		['older', () => werkhof.sign(ANNA, [WERKHOF, STRANGE], { at: werkhof.number + 1 })]
	])('is none that is %s', async (_what, offered) => {
		const kept = await werkhof.sign(ANNA, [WERKHOF, SUEDNETZ], { at: werkhof.number + 100 });
		await expect(nextHosts(await offered(), kept, ANNA)).rejects.toThrow();
	});

	it('is none by a key that is known to be stolen', async () => {
		const stolen = await werkhof.sign(ANNA, [WERKHOF, STRANGE], { at: werkhof.number + 5_000 });
		const kept = await (await werkhof.next(werkhof.number + 500)).sign(ANNA, [WERKHOF], { revoked: [werkhof.number] });
		await expect(nextHosts(stolen, kept, ANNA)).rejects.toThrow('revoked');
	});
});

describe('what this browser keeps', () => {
	let store: Store;
	let said: unknown[][];
	const me = (signed?: SignedHosts): Me => ({ account: { id: ANNA }, hosts: [STRANGE], signed }) as unknown as Me;

	beforeEach(async () => {
		freshBrowser();
		store = await Store.open('ways');
		said = [];
		vi.spyOn(console, 'warn').mockImplementation((...words) => void said.push(words));
	});
	afterEach(() => {
		store.close();
		vi.restoreAllMocks();
	});

	it('is there after a reload, and a bad list leaves it as it is', async () => {
		expect(await new Ways(store, PHONE).take(me(await werkhof.sign(ANNA, [WERKHOF, SUEDNETZ])))).toEqual([WERKHOF, SUEDNETZ]);
		const again = new Ways(store, PHONE);
		expect(await again.load(me())).toEqual([WERKHOF, SUEDNETZ]);
		expect(said).toEqual([]);
		expect(await again.take(me(await (await Signatory.make()).sign(ANNA, [STRANGE])))).toEqual([WERKHOF, SUEDNETZ]);
		expect(String(said[0]![0])).toContain('the one before stays');
		expect(await new Ways(store, PHONE).load(me())).toEqual([WERKHOF, SUEDNETZ]);
	});

	it('is nothing where nothing was signed: the unsigned addresses are not gone to', async () => {
		expect(await new Ways(store, PHONE).take(me())).toEqual([]);
		expect(said).toHaveLength(1);
	});

	it('begins anew with another device, and where somebody tampered with it', async () => {
		const ways = new Ways(store, PHONE);
		const signed = await werkhof.sign(ANNA, [WERKHOF, SUEDNETZ]);
		await ways.take(me(signed));
		expect(await new Ways(store, 'laptop' as DeviceId).load(me())).toEqual([]);
		await store.setMeta('hosts', { device: PHONE, signed: { ...signed, said: signed.said.replaceAll('suednetz', 'strange') } });
		expect(await new Ways(store, PHONE).load(me())).toEqual([]);
		expect(said).toHaveLength(1);
	});
});

describe('a real provider', () => {
	let provider: RealProvider;
	beforeAll(async () => {
		freshBrowser();
		provider = await RealProvider.start();
	}, 60_000);
	afterAll(() => provider?.end());

	it('signs what it tells', async () => {
		const anna = new Browser(provider, 'anna');
		await anna.register({ setup: provider.token, firm: 'Tischlerei Lindner' });
		const me = (await (await fetch(`${provider.origin}/api/me`, { headers: { cookie: anna.cookie } })).json()) as Me;
		const list = await nextHosts(me.signed, undefined, me.account.id);
		expect(list.hosts).toEqual(me.hosts);
		expect(list.hosts.map(({ url, provider: id }) => [url, id])).toEqual([[provider.origin, list.provider]]);
	});
});
