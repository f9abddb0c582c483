/** The real provider, started for a test with an empty data folder, and people who use it as their browsers would. */
import { spawn, type StdioOptions } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { WebSocket } from 'ws';
import { makeApi, type Api } from '../api';
import { b64, utf8 } from '../b64';
import { Device, Scribe } from '../device';
import { personalSpace } from '../hash';
import { Store } from '../store';
import { Sync } from '../sync';
import type { AccountId, CoreId, ProviderInfo, SpaceId } from '../types';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const PYTHON = join(ROOT, '.venv/bin/python');
/** `make test` has the program loaded already (tests/flows/ready.py). */
const READY = process.env.VERBUND_TESTS_READY_AT;
const LOOKED_AT_EVERY_MS = 20;
const UP_WITHIN = { timeout: 60_000, interval: LOOKED_AT_EVERY_MS };
const GONE_WITHIN = { timeout: 10_000, interval: LOOKED_AT_EVERY_MS };

export class RealProvider {
	#pid = 0;

	private constructor(
		readonly folder: string,
		readonly port: number
	) {}

	static async start(): Promise<RealProvider> {
		const provider = new RealProvider(await mkdtemp(join(tmpdir(), 'verbund-')), await freePort());
		await provider.up();
		return provider;
	}

	get origin(): string {
		return `http://localhost:${this.port}`;
	}

	/** The one-time link's secret. */
	get token(): string {
		return /willkommen#(\S+)/.exec(this.#said)?.[1] ?? '';
	}

	get #output(): string {
		return join(this.folder, 'said');
	}

	get #said(): string {
		return existsSync(this.#output) ? readFileSync(this.#output, 'utf-8') : '';
	}

	async up(): Promise<void> {
		const env = { ...process.env, VERBUND_DATA: join(this.folder, 'data'), VERBUND_PORT: String(this.port), VERBUND_MEET: 'off' };
		const before = this.#said.length;
		this.#pid = await (READY === undefined ? fromNothing(env, this.#output) : fromReady(READY, env, this.#output));
		await vi.waitUntil(() => this.#said.includes('Verbund is running', before), UP_WITHIN).catch(() => {
			throw new Error(`the provider did not come up: ${this.#said}`);
		});
	}

	/** kill -9 */
	async kill(): Promise<void> {
		if (this.#pid === 0) return;
		const pid = this.#pid;
		this.#pid = 0;
		process.kill(pid, 'SIGKILL');
		await vi.waitUntil(() => !existsSync(`/proc/${pid}`), GONE_WITHIN);
	}

	async end(): Promise<void> {
		await this.kill();
		await rm(this.folder, { recursive: true, force: true });
	}
}

/** Both begin `verbund serve`; what it says goes to the end of a file. → its process */
async function fromNothing(env: NodeJS.ProcessEnv, output: string): Promise<number> {
	const said = openSync(output, 'a');
	const stdio: StdioOptions = ['ignore', said, said];
	const { pid } = spawn(existsSync(PYTHON) ? PYTHON : 'python3', ['-m', 'verbund.web.main', 'serve'], { cwd: ROOT, env, stdio });
	closeSync(said);
	return pid!;
}

async function fromReady(at: string, environment: NodeJS.ProcessEnv, said: string): Promise<number> {
	const line = connect({ path: at, allowHalfOpen: true });
	line.end(JSON.stringify({ arguments: ['serve'], environment, said, network: '' }));
	return Number(await text(line));
}

/** A browser: cookies, a store of its own, a key. */
export class Browser {
	cookie = '';
	readonly api: Api;
	store!: Store;
	device!: Device;

	constructor(
		readonly provider: RealProvider,
		readonly name: string
	) {
		this.api = makeApi(provider.origin, async (input, init) => {
			const headers = { ...(init?.headers as Record<string, string>), origin: provider.origin, cookie: this.cookie };
			const response = await fetch(input, { ...init, headers });
			const cookie = response.headers.getSetCookie()[0];
			if (cookie) this.cookie = cookie.split(';')[0]!;
			return response;
		});
	}

	/** Opens an account: as the first one with a firm, or by an invitation. */
	async register(proof: { setup: string; firm: string } | { invitation: Invitation }): Promise<AccountId> {
		this.store = await Store.open(`real-${this.name}-${this.provider.port}`);
		this.device = await Device.create(this.store);
		const { provider } = await this.api.get<ProviderInfo>('/api/provider');
		const scribe = new Scribe(this.device);
		const opened = await scribe.write(null, 'account.account_opened.1', { alg: this.device.alg, key: this.device.key, home: provider });
		const account = opened.space as unknown as AccountId;
		const profile = await scribe.write(opened.space, 'account.profile_changed.1', { name: this.name, status: '', picture: null, blobs: [] });
		const personal = await scribe.write(personalSpace(account), 'authority.personal_opened.1', { account }, { derived: true });
		const parcels = [opened.parcel, profile.parcel, personal.parcel];
		if ('setup' in proof) {
			const firm = { sort: 'organisation', title: proof.firm, parent: null, account, providers: [provider], address_form: 'sie' };
			parcels.push((await scribe.write(null, 'authority.space_created.1', firm)).parcel);
			await this.#open({ setup: proof.setup }, parcels);
			return account;
		}
		const { id, space, sign } = proof.invitation;
		const { heads } = await this.api.get<{ heads: CoreId[] }>(`/api/invitations/${id}`);
		const sig = await sign(account);
		const body = { account, invitation: id, proof: sig, parent_heads: [] };
		parcels.push((await scribe.write(space, 'authority.member_joined.1', body, { ah: heads, re: [id] })).parcel);
		await this.#open({ invitation: { id, sig } }, parcels);
		return account;
	}

	sync(): Sync {
		const { origin } = this.provider;
		return new Sync(this.store, this.device, this.api, {
			open: () => new WebSocket(`${origin.replace('http', 'ws')}/live`, { headers: { cookie: this.cookie, origin } }) as never,
			random: () => 0.2
		});
	}

	async #open(proof: object, parcels: unknown[]): Promise<void> {
		const password = 'vier Hobel, ein Brett';
		await this.api.post('/api/accounts', { proof, handle: this.name, password, label: 'Test', parcels });
	}
}

export interface Invitation {
	id: CoreId;
	space: SpaceId;
	sign: (account: AccountId) => Promise<string>;
}

/** An invitation as a link would carry it: the private half of its key stays with whoever has the link. */
export async function invite(sync: Sync, space: SpaceId): Promise<Invitation> {
	const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
	const key = b64(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
	const id = await sync.post(space, 'authority.invitation_made.1', { key, role: 'member', expires_at: null, uses_max: null, note: '' });
	const sign = async (account: AccountId): Promise<string> =>
		b64(new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, utf8(`verbund/join/1\0${space}\0${account}`))));
	return { id, space, sign };
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise<void>((resolve) => server.close(() => resolve()));
	return port;
}
