/**
 * A small provider for unit tests, the world outside: it can refuse, lose acknowledgements, forget and lie on demand,
 * which the real one does not. Stories against the real one are in e2e/.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { makeApi, type Api } from '../api';
import { b64 } from '../b64';
import { parse, type Parsed } from '../core';
import { chain, CHAIN_START, sublog } from '../entry';
import type { Device } from '../device';
import type { LiveOptions, Outcome } from '../live';
import type { AccountId, CoreId, Entry, Me, Member, Parcel, ProviderId, SpaceId, Vector } from '../types';

export const PROVIDER = 'P'.repeat(42) as ProviderId;

interface Space {
	entries: Entry[];
	heads: Map<string, { ds: number; dp: CoreId | null }>;
	chain: Uint8Array<ArrayBuffer>;
}

export class Provider {
	readonly spaces = new Map<SpaceId, Space>();
	readonly known = new Map<CoreId, Entry>();
	readonly members: Member[] = [];
	readonly received: Parcel[][] = [];
	/** Decides about a core before it is taken in: a code refuses it. */
	rule: (parsed: Parsed) => { code: string; keepsNumber?: boolean } | null = () => null;
	/** Facts of others that are not here, and are asked for. */
	readonly lacks = new Set<CoreId>();
	/** Acknowledgements get lost. */
	isSilent = false;
	/** Connected, but nothing is answered any more. */
	#isFrozen = false;
	/** Sockets end before they begin, as with a session that is over. */
	refusesSockets = false;
	/** What comes in lacks its cause. */
	isWaiting = false;
	/** Of a kind that it does not know, as it says. */
	isNewer = false;
	follows: Record<SpaceId, Vector>[] = [];
	/** What /api/me says. */
	me: Me | null = null;
	#http: Server | null = null;
	#sockets: WebSocketServer | null = null;
	#following = new Map<WebSocket, Set<SpaceId>>();

	async listen(port = 0): Promise<void> {
		this.#http = createServer();
		this.#sockets = new WebSocketServer({ server: this.#http });
		this.#sockets.on('connection', (socket) => this.#serve(socket));
		await new Promise<void>((resolve) => this.#http!.listen(port, '127.0.0.1', resolve));
	}

	get port(): number {
		return (this.#http!.address() as AddressInfo).port;
	}

	get connections(): number {
		return this.#sockets?.clients.size ?? 0;
	}

	/** Cut every connection, as a network does. */
	cut(): void {
		for (const socket of this.#sockets?.clients ?? []) socket.terminate();
	}

	/** As a process that was stopped. */
	freeze(): void {
		this.#isFrozen = true;
	}

	thaw(): void {
		this.#isFrozen = false;
	}

	async close(): Promise<void> {
		this.cut();
		await new Promise<void>((resolve) => (this.#sockets ? this.#sockets.close(() => resolve()) : resolve()));
		await new Promise<void>((resolve) => (this.#http ? this.#http.close(() => resolve()) : resolve()));
	}

	options(): LiveOptions {
		return { open: () => new WebSocket(`ws://127.0.0.1:${this.port}/live`) as never, random: () => 0 };
	}

	api(): Api {
		return makeApi('', async (input) => {
			const path = String(input);
			if (this.#http?.listening === false) throw new TypeError('fetch failed');
			if (path === '/api/me' && this.me) return Response.json(this.me);
			if (path === '/api/me') return problem(401, 'accounts.signed_out');
			if (path.endsWith('/members')) return Response.json(this.members);
			if (path === '/api/provider') return Response.json({ provider: PROVIDER, incarnation: 1, partners: 0, features: {}, now: Date.now() });
			return problem(404, 'base.unknown');
		});
	}

	admit(account: AccountId, device: Device): void {
		const { id, alg, key } = device;
		this.members.push({ account, name: account, picture: null, role: 'member', online: true, devices: [{ id, alg, key }] });
	}

	submit(parcels: readonly Parcel[]): Outcome[] {
		this.received.push([...parcels]);
		return parcels.map((parcel) => this.take(parcel));
	}

	/** As the real one judges: known, out of order, refused with or without a void, taken. */
	take(parcel: Parcel): Outcome {
		const parsed = parse(parcel);
		const { core, id } = parsed;
		const known = this.known.get(id);
		if (known) return known.x === 3 ? { id, st: 'refused', code: 'log.refused_before', ...this.next(parsed) } : { id, st: 'accepted' };
		const { ds, dp } = this.next(parsed);
		if (core.ds < ds) return { id, st: 'refused', code: 'log.reused_number', ds, dp };
		if (core.ds > ds || core.dp !== dp) return { id, st: 'ask', ds, dp };
		const missing = [...core.ah, ...core.re].filter((one) => this.lacks.has(one));
		if (missing.length > 0) return { id, st: 'ask', ds, dp, missing };
		const refusal = parcel.b === null ? { code: 'log.bodiless' } : this.rule(parsed);
		if (refusal?.keepsNumber) return { id, st: 'refused', code: refusal.code, ds, dp };
		this.append(parcel, parsed, refusal ? 3 : 0);
		if (refusal) return { id, st: 'refused', code: refusal.code, detail: `no: ${refusal.code}`, ...this.next(parsed) };
		return { id, st: 'accepted' };
	}

	next({ space, core }: Pick<Parsed, 'space' | 'core'>): { ds: number; dp: CoreId | null } {
		const head = this.space(space).heads.get(core.dev);
		return { ds: (head?.ds ?? 0) + 1, dp: head?.dp ?? null };
	}

	append(parcel: Parcel, parsed: Parsed, x: 0 | 3 = 0): Entry {
		const space = this.space(parsed.space);
		const n = space.entries.length + 1;
		const place = { p: PROVIDER, i: 1, n, id: parsed.id, at: 1_700_000_000_000 + n, x };
		space.chain = chain(space.chain, place);
		const shown = x === 3 ? { ...parcel, sa: null, b: null } : parcel;
		const entry: Entry = { ...shown, ...place, h: b64(space.chain), o: this.known.size + 1 };
		if (this.isWaiting && x === 0) entry.x = 1;
		if (this.isNewer && x === 0) entry.x = 4;
		space.entries.push(entry);
		space.heads.set(parsed.core.dev, { ds: parsed.core.ds, dp: parsed.id });
		this.known.set(parsed.id, entry);
		this.tell(parsed.space, [entry]);
		return entry;
	}

	tell(space: SpaceId, entries: Entry[]): void {
		for (const [socket, followed] of this.#following) {
			if (followed.has(space)) send(socket, { f: 'entries', sp: space, e: entries });
		}
	}

	/** Something else to everybody. */
	say(frame: object): void {
		for (const socket of this.#following.keys()) send(socket, frame);
	}

	sayRaw(text: string): void {
		for (const socket of this.#following.keys()) socket.send(text);
	}

	space(id: SpaceId): Space {
		const held = this.spaces.get(id) ?? { entries: [], heads: new Map(), chain: CHAIN_START };
		this.spaces.set(id, held);
		return held;
	}

	vector(id: SpaceId): Vector {
		return { [sublog({ p: PROVIDER, i: 1 })]: this.space(id).entries.length };
	}

	/** A backup is restored: the newest are gone. */
	forget(space: SpaceId, count: number): void {
		const held = this.space(space);
		for (const entry of held.entries.splice(-count)) this.known.delete(entry.id);
		held.heads.clear();
		held.chain = CHAIN_START;
		for (const entry of held.entries) {
			const { core, id } = parse(entry);
			held.chain = chain(held.chain, entry);
			held.heads.set(core.dev, { ds: core.ds, dp: id });
		}
	}

	#serve(socket: WebSocket): void {
		if (this.refusesSockets) return socket.terminate();
		if (this.#isFrozen) return;
		this.#following.set(socket, new Set());
		socket.on('close', () => this.#following.delete(socket));
		socket.on('message', (raw) => this.#hear(socket, JSON.parse(String(raw)) as Record<string, unknown>));
		send(socket, { f: 'hello', provider: PROVIDER, incarnation: 1, now: Date.now(), account: this.me?.account.id, device: this.me?.device });
	}

	#hear(socket: WebSocket, frame: Record<string, unknown>): void {
		if (this.#isFrozen) return;
		if (frame['f'] === 'ping') send(socket, { f: 'pong' });
		if (frame['f'] === 'submit') {
			const outcomes = this.submit(frame['p'] as Parcel[]);
			if (!this.isSilent) send(socket, { f: 'ack', n: frame['n'], r: outcomes });
		}
		if (frame['f'] === 'call') {
			if (frame['m'] === 'echo') send(socket, { f: 'reply', n: frame['n'], d: frame['d'] });
			if (frame['m'] === 'refuse') send(socket, { f: 'reply', n: frame['n'], e: { code: 'meet.full', detail: 'voll' } });
		}
		if (frame['f'] === 'signal') this.say({ ...frame, by: this.me?.account.id ?? null });
		if (frame['f'] === 'follow') this.#follow(socket, frame['s'] as Record<SpaceId, Vector>);
	}

	#follow(socket: WebSocket, spaces: Record<SpaceId, Vector>): void {
		this.follows.push(spaces);
		for (const [space, vector] of Object.entries(spaces) as [SpaceId, Vector][]) {
			this.#following.get(socket)!.add(space);
			const after = this.space(space).entries.filter((entry) => entry.n > (vector[sublog(entry)] ?? 0));
			if (after.length > 0) send(socket, { f: 'entries', sp: space, e: after });
			send(socket, { f: 'caught', sp: space, v: this.vector(space) });
		}
	}
}

function send(socket: WebSocket, frame: object): void {
	socket.send(JSON.stringify(frame));
}

function problem(status: number, code: string): Response {
	return Response.json({ code, detail: code }, { status });
}
