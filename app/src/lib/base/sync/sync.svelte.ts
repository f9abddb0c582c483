/** The session of this tab: me, what is followed, posting, folding, signals. Puts the parts of base together. */
import { makeApi, type Api } from '../api';
import { Device, isAuthority, type WriteOptions } from '../device';
import { ApiError, Offline, pageLanguage, sentence, SignedOut } from '../errors';
import { Hlc } from '../hlc';
import { Hosts } from '../hosts';
import type { Line } from '../line';
import { Live, type Frame, type LiveOptions } from '../live';
import { BATCH_MAX, Outbox, Sender, type Change } from '../outbox';
import { forgetPictures } from '../shell/pictures';
import { applyRows, persist, SPACES_MAX, type Store, type Trouble } from '../store';
import type {
	AccountId, CoreId, Fact, Fold, Host, JsonObject, LiveState, Me, Member, Parcel, ProviderId, ProviderInfo, Row, Signal, SpaceId, SpaceSummary, Vector
} from '../types';
import { otherHosts, standsIn, tellWorker } from '../way';
import { openTabs, type TabMessage } from '../tabs';
import { Uploads } from '../upload/uploads.svelte';
import { askHead, askMe, endSession } from './asking';
import { Directory, type Person } from './directory.svelte';
import { changeFact, entryFact } from './facts';
import { Folds } from './folds';
import { comeHome, keepLife } from './home';
import { Following } from './following';
import { Intake } from './intake';
import { Listeners, type Newer } from './listeners';
import type { Parsed } from '../core';
import { KINDS } from '../generated/kinds';
import { Seen } from './seen';
import { Verifier } from './verifier';
import { Ways } from './ways';

const PLACES_MAX = 512;
/** All that somebody wrote in a space up to a time is erased. */
export const ERASURE_ORDERED = 'authority.erasure_ordered.1';

export class Sync {
	/** Reactive, deeply: capabilities keep the counts in it up to date. */
	me = $state() as Me;
	state = $state<LiveState>('idle');
	trouble = $state<Trouble | null>(null);
	waiting = $state(0);
	provider = $state.raw<ProviderInfo | null>(null);
	/** The provider that stands in for the page's own; null while that one serves. */
	host = $state.raw<Host | null>(null);
	readonly directory: Directory;
	readonly outbox: Outbox;
	readonly uploads: Uploads;
	readonly live: Live;

	readonly #hosts: Hosts;
	readonly #ways: Ways;
	readonly #folds = new Folds();
	readonly #intake: Intake;
	readonly #seen = new Seen();
	readonly #verifier: Verifier;
	readonly #sender: Sender;
	readonly #channel: BroadcastChannel | null;
	readonly #listeners = new Listeners();
	readonly #following: Following;
	/** Where own facts were placed lately: the acknowledgement does not say it. */
	readonly #places = new Map<CoreId, { at: number; position: number }>();
	#offset = 0;
	/** The outbox is ready for the provider that took over. */
	#handed: Promise<void> = Promise.resolve();
	#reloading: Promise<void> | null = null;
	#next: Promise<void> | null = null;

	constructor(
		readonly store: Store,
		readonly device: Device,
		readonly api: Api,
		options: LiveOptions = {}
	) {
		this.directory = new Directory(store, api);
		this.directory.introduce(device.id, null, device.alg, device.key);
		const hosts = (this.#hosts = new Hosts(device));
		this.#ways = new Ways(store, device.id);
		const others = (): Host[] => otherHosts(this.me?.hosts);
		this.live = new Live({ stillSignedIn: () => this.#stillSignedIn(), others, openAt: (host) => hosts.open(host), comeHome: () => comeHome(store, device), ...options });
		this.live.onHost = (host) => {
			this.host = host;
			api.turn(host && hosts.way(host));
			tellWorker(host);
			this.#seen.moved();
			this.#handed = this.outbox.again().catch(() => undefined);
		};
		api.hasOthers = () => (options.others ?? others)().length > 0;
		this.live.onState = (state) => {
			// The worker outlives pages: what the one before told it may be over.
			if (state === 'online') tellWorker(this.host);
			this.#become(state);
		};
		this.live.onFrame = (frame) => this.#hear(frame);
		this.#verifier = new Verifier(({ entry, parsed }) => {
			this.#alarm('log.unsigned', entry.id);
			this.#retract({ ...entryFact(entry, parsed, this.directory), state: 'refused', code: 'log.unsigned' });
		});
		this.#intake = this.#makeIntake();
		this.#following = new Following(store, this.#intake, this.live, (space) => this.#listeners.reset(space));
		this.outbox = this.#makeOutbox();
		this.#sender = new Sender(this.outbox);
		this.uploads = new Uploads(store, api, () => this.live.state === 'online');
		this.#folds.on(ERASURE_ORDERED, (fact) => this.#erase(fact));
		this.#channel = openTabs(device.id, (message) => this.#overhear(message));
		store.onTrouble = (code) => this.#alarm(code);
		store.onOutdated = () => this.#alarm('base.outdated');
	}

	/** Show what is stored, then connect. Raises SignedOut, Offline when there is nothing to show yet. */
	async start(): Promise<void> {
		const [held, offset, provider] = await Promise.all([
			this.store.meta<Me>('me'), this.store.meta<number>('offset'), this.store.meta<ProviderInfo>('provider'), this.directory.load()
		]);
		this.#offset = offset ?? 0;
		this.provider = provider ?? null;
		if (held !== undefined && held.device === this.device.id) this.#meet({ ...held, hosts: await this.#ways.load(held) });
		else await this.reload();
		void this.#count();
		await this.uploads.restore();
		this.live.start();
		void persist().catch(() => false);
		void this.store.shrink(SPACES_MAX).catch(() => undefined);
	}

	/** Ends what runs in this tab; nothing is deleted. */
	async stop(): Promise<void> {
		this.live.stop();
		await this.#sender.stop();
		this.uploads.stop();
		this.#channel?.close();
	}

	/** Ends the session and deletes everything that is stored here, the key too. */
	async signOut(): Promise<void> {
		await endSession(this.api);
		this.#channel?.postMessage({ sort: 'signed_out' } satisfies TabMessage);
		this.live.stop('signed_out');
		await this.#sender.stop();
		this.uploads.stop();
		await this.store.clear();
		await forgetPictures();
	}

	/** A stamp of now, earlier than whatever is written next. */
	stamp(): string {
		return this.outbox.ports.pen.hlc.tick();
	}

	/** Milliseconds since 1970 by the provider's clock. */
	now(): number {
		return Date.now() + this.#offset;
	}

	space(id: SpaceId): SpaceSummary | undefined {
		return this.me.spaces.find((space) => space.id === id);
	}

	/** How many providers hold a space, as far as is known. */
	holders(id: SpaceId): number {
		return this.space(id)?.holders ?? 1;
	}

	/** Ask who I am and where I belong. Raises SignedOut, Offline. */
	reload(): Promise<void> {
		const after = this.#reloading;
		// An answer that is under way may be older than what this call is about.
		this.#next ??= (after === null ? Promise.resolve() : after.catch(() => undefined)).then(() => {
			this.#next = null;
			this.#reloading = this.#reload().finally(() => (this.#reloading = null));
			return this.#reloading;
		});
		return this.#next;
	}

	async post(space: SpaceId | null, kind: string, body: JsonObject, options: WriteOptions = {}): Promise<CoreId> {
		if (this.state === 'signed_out' || !(await this.device.isCurrent(this.store))) throw new SignedOut();
		const plain = JSON.parse(JSON.stringify(body)) as JsonObject;
		const { id } = await this.outbox.add(space, { kind, body: plain, ...options });
		await this.#count();
		this.#sender.kick();
		return id;
	}

	/** Send a refused fact again: it gets a new id. */
	async retry(id: CoreId): Promise<CoreId> {
		const again = await this.outbox.retry(id);
		this.#sender.kick();
		return again;
	}

	discard(id: CoreId): Promise<void> {
		return this.outbox.discard(id);
	}

	/** Something was taken back: its words go from what this browser keeps of what it wrote itself. */
	erased(space: SpaceId, target: CoreId): void {
		this.#seen.forget(space, target);
		void this.outbox.erase(space, ({ id }) => id === target).catch((error: unknown) => console.error('not erased here', error));
	}

	/** All that somebody wrote in a space is erased: their own words here, and the pictures of the space. */
	#erase({ space, state, body }: Fact): void {
		if (state !== 'accepted' || body === null) return;
		const { account, until } = body as { account: AccountId; until: string };
		this.#seen.forget(space);
		const own = account === this.me.account.id;
		const erasing = own ? this.outbox.erase(space, ({ kind, t }) => !isAuthority(kind) && t <= until) : Promise.resolve();
		void Promise.all([erasing, forgetPictures(space)]).catch((error: unknown) => console.error('not erased here', error));
	}

	on(kinds: string | readonly string[], fold: Fold): () => void {
		return this.#folds.on(kinds, fold);
	}

	/** What was held of a space was dropped: load it by query again. */
	onReset(told: (space: SpaceId) => void): () => void {
		return this.#listeners.onReset(told);
	}

	onOnline(told: () => void): () => void {
		return this.#listeners.onOnline(told);
	}

	/** Facts that only a newer release can show. */
	onNewer(told: (fact: Newer) => void): () => void {
		return this.#listeners.onNewer(told);
	}

	onSignal(kind: string, told: (signal: Signal) => void): () => void {
		return this.#listeners.onSignal(kind, told);
	}

	rows<Value>(space: SpaceId, kind: string, { limit, before }: { limit?: number; before?: string } = {}): Promise<Row<Value>[]> {
		return this.store.rows<Value>(space, kind, limit, before);
	}

	row<Value>(space: SpaceId, kind: string, id: string): Promise<Row<Value> | undefined> {
		return this.store.row<Value>(space, kind, id);
	}

	/** Keep rows of a query's answer; the vector counts only where nothing was held, or where all of `replace` goes. */
	async seed(space: SpaceId, rows: readonly Row[], vector: Vector, { replace = [] }: { replace?: readonly string[] } = {}): Promise<void> {
		await this.store.seed(space, rows, vector, replace);
	}

	vector(space: SpaceId): Vector {
		return this.#intake.vector(space);
	}

	/** Follow a space that is not among mine. Those of `me` are followed by themselves. */
	follow(space: SpaceId, from?: Vector): Promise<void> {
		return this.#following.add(space, from);
	}

	unfollow(space: SpaceId): void {
		if (this.space(space) === undefined) this.#following.remove(space);
	}

	/** Who is in a space now, as the provider says; as it last said when there is no network. */
	async members(space: SpaceId): Promise<Member[]> {
		return (await this.directory.members(space)).filter((member) => !member.gone);
	}

	/** Reactive. */
	person(account: AccountId): Person | undefined {
		return this.directory.people.get(account);
	}

	/** Reactive. */
	name(account: AccountId): string | undefined {
		return this.directory.people.get(account)?.name;
	}

	/** Ask a capability of the provider over the socket. Raises ApiError, Offline, Refusal `base.timed_out`. */
	call<T>(method: string, data: unknown, { timeoutMs }: { timeoutMs?: number } = {}): Promise<T> {
		return this.live.call<T>(method, data, timeoutMs);
	}

	/** The provider that serves now. */
	get here(): ProviderId {
		return this.host?.provider ?? this.#own?.provider ?? this.provider?.provider ?? ('' as ProviderId);
	}

	/** Where one can go on, the page's own provider among them. */
	get places(): ProviderId[] {
		return [...new Set([this.here, ...(this.me.hosts ?? []).map((host) => host.provider)])];
	}

	/** HTTP with another provider that holds the same spaces, by the key of this device. */
	at(host: Host): Api {
		const there = makeApi();
		there.turn(this.#hosts.way(host));
		return there;
	}

	/** A second connection, to one of `places`; whoever asked for it ends it. Null where there is no such provider. */
	line(provider: ProviderId): Line | null {
		const host = this.me.hosts?.find((one) => one.provider === provider);
		if (host === undefined && provider !== this.here) return null;
		return this.live.makeLine(host === undefined || host.url === this.#own?.url ? null : host);
	}

	/** Something that passes. False when it did not go out. */
	signal(space: SpaceId, kind: string, data: unknown): boolean {
		return this.live.send({ f: 'signal', sp: space, k: kind, d: data }, true);
	}

	draft(space: string, key: string): Promise<unknown> {
		return this.store.draft(space, key);
	}

	setDraft(space: string, key: string, value: unknown): Promise<void> {
		return this.store.setDraft(space, key, value === null ? null : (JSON.parse(JSON.stringify(value)) as unknown));
	}

	/** Everything that came is folded, stored and verified. */
	async settled(): Promise<void> {
		await this.#intake.done();
		await this.#verifier.done();
	}

	get #own(): Host | undefined {
		return this.me.hosts?.find((host) => host.url === globalThis.location?.origin);
	}

	async #reload(): Promise<void> {
		const before = this.host;
		const me = await askMe(this.api, this.device.id);
		// Where else one can go on is for the own provider to say. Another may have answered before it stands in.
		const isElsewhere = before !== null || this.host !== null;
		if (isElsewhere) standsIn(me, $state.snapshot(this.me) as Me | undefined);
		me.hosts = isElsewhere ? await this.#ways.load(me) : await this.#ways.take(me);
		this.#meet(me);
		await this.outbox.reconcile(me.spaces);
		await this.store.setMeta('me', me).catch(() => undefined);
		const provider = await this.api.get<ProviderInfo>('/api/provider').catch(() => null);
		if (provider === null) return;
		this.provider = provider;
		await this.store.setMeta('provider', provider).catch(() => undefined);
		if (before === null && this.host === null) await keepLife(this.store, provider);
	}

	#meet(me: Me): void {
		this.me = me;
		this.directory.introduce(this.device.id, me.account.id, this.device.alg, this.device.key);
		this.directory.name(me.account.id, me.account.name);
		for (const [account, name] of Object.entries(me.names ?? {})) this.directory.name(account as AccountId, name);
	}

	async #stillSignedIn(): Promise<boolean> {
		try {
			await this.reload();
			return true;
		} catch (error) {
			return !(error instanceof SignedOut);
		}
	}

	#become(state: LiveState): void {
		this.state = state;
		if (state === 'online') this.uploads.resume();
		else this.#following.lost();
	}

	#hear(frame: Frame): void {
		switch (frame.f) {
			case 'hello':
				this.#offset = frame.now - Date.now();
				void this.store.setMeta('offset', this.#offset).catch(() => undefined);
				void this.#welcome();
				return;
			case 'entries':
				void this.#intake.take(frame.sp, frame.e);
				return;
			case 'durable':
				void this.outbox.durable(frame.sp, frame.v);
				this.#seen.safe(frame.sp, frame.v);
				return;
			case 'caught':
				void this.#give(frame.sp, this.#seen.owed(frame.sp));
				return;
			case 'spaces':
				void this.#refresh();
				return;
			case 'gone':
				// Whoever stands in need not hold all of it: that alone is no reason to let it go here.
				void (this.host === null ? this.#following.leave(frame.sp) : this.#leaveIfRemoved(frame.sp));
				return;
			case 'signal':
				this.#listeners.signal(frame);
		}
	}

	async #welcome(): Promise<void> {
		await this.#handed;
		// What waits needs no answer about anything else: it goes first.
		this.#sender.resume();
		await this.#following.resume();
		await this.#refresh();
		this.#listeners.online();
		this.#sender.resume();
	}

	/** `me` anew, then follow what it names. Without an answer what is known is followed. */
	async #refresh(): Promise<void> {
		const before = new Set(this.me.spaces.map((space) => space.id));
		try {
			await this.reload();
		} catch (error) {
			if (error instanceof SignedOut) return this.live.stop('signed_out');
			if (!(error instanceof Offline) && !(error instanceof ApiError)) throw error;
		}
		for (const { id } of this.me.spaces) before.delete(id);
		for (const id of before) await this.#following.leave(id);
		await this.#following.follow(this.me.spaces.map((space) => [space.id, space.vector]));
	}

	async #leaveIfRemoved(space: SpaceId): Promise<void> {
		await this.reload().catch(() => undefined);
		if (this.space(space) === undefined) await this.#following.leave(space);
	}

	#makeIntake(): Intake {
		return new Intake({
			store: this.store,
			learn: (space, devices) => this.directory.learn(space, devices),
			fold: (entry, parsed) => this.#folds.run(entryFact(entry, parsed, this.directory)),
			knows: (kind) => KINDS.has(kind) || this.#folds.has(kind),
			newer: (parsed, waits) => this.#newer(parsed, waits),
			taken: (space, entries) => void this.#taken(space, entries),
			refollow: (space) => void this.#following.again(space),
			overrun: () => this.live.restart(),
			trouble: (code, about) => this.#alarm(code, about)
		});
	}

	/** What others wrote and the provider before may have had alone. What waits here may be about that. */
	async #give(space: SpaceId, parcels: readonly Parcel[]): Promise<void> {
		if (parcels.length === 0) return;
		try {
			for (let at = 0; at < parcels.length; at += BATCH_MAX) await this.live.submit(parcels.slice(at, at + BATCH_MAX));
		} catch {
			this.#seen.owe(space);
		}
		this.#sender.resume();
	}

	/** A provider's own facts are nothing that people miss. */
	#newer({ space, id, core, body }: Parsed, waits: boolean): void {
		if (waits && this.directory.account(core.dev) === null) return;
		const channel = body?.['channel'];
		this.#listeners.newer({ space, id, channel: typeof channel === 'string' ? channel : null, t: core.t, waits });
	}

	async #taken(space: SpaceId, entries: Parameters<ConstructorParameters<typeof Intake>[0]['taken']>[1]): Promise<void> {
		for (const { entry, parsed } of entries) {
			this.outbox.ports.pen.hlc.observe(parsed.core.t);
			const key = this.directory.key(parsed.core.dev);
			if (key !== undefined) this.#verifier.add({ entry, parsed, key });
			const { k: kind, ah } = parsed.core;
			if (entry.x === 0 && kind.startsWith('a')) await this.outbox.saw(space, { id: entry.id, kind, ah });
			if (parsed.core.dev !== this.device.id) {
				if (this.holders(space) > 1) this.#seen.add(space, entry);
				continue;
			}
			remember(this.#places, entry.id, { at: entry.at, position: entry.o });
			const isVoid = entry.x === 3;
			// A void that comes with its body: this provider has it from another that accepted it.
			if (isVoid && entry.b !== null) continue;
			await this.outbox.arrived(entry.id, { sublog: `${entry.p}.${entry.i}`, n: entry.n }, isVoid);
		}
	}

	#makeOutbox(): Outbox {
		return new Outbox({
			store: this.store,
			pen: { signer: this.device, hlc: new Hlc(() => this.now()), now: () => this.now() },
			submit: (parcels) => this.live.submit(parcels),
			online: () => this.live.state === 'online',
			head: (space) => askHead(this.api, space),
			letsGoAt: (space) => (this.holders(space) > 1 ? 'durable' : 'accepted'),
			fold: (changes) => this.#foldChanges(changes),
			trouble: (code) => this.#alarm(code),
			well: (code) => {
				if (this.trouble?.code === code) this.trouble = null;
			}
		});
	}

	#foldChanges(changes: Change[]): ReturnType<Outbox['ports']['fold']> {
		const facts = changes.map((change) => changeFact(change, this.me.account.id, this.#places.get(change.item.id)));
		const ops = facts.flatMap((fact) => this.#folds.run(fact));
		const publish = (): void => {
			this.#channel?.postMessage({ sort: 'facts', facts } satisfies TabMessage);
			this.#afterOwn(facts);
		};
		return { ops, publish };
	}

	/** What this person just did may have changed which spaces there are, and what may be done in them. */
	#afterOwn(facts: readonly Fact[]): void {
		void this.#count();
		const changed = facts.some((fact) => fact.state === 'accepted' && (isAuthority(fact.kind) || fact.kind.startsWith('spaces.')));
		if (changed && this.live.state === 'online') void this.#refresh();
	}

	/** Take back what should never have been shown. */
	#retract(fact: Fact): void {
		const ops = this.#folds.run(fact);
		void this.#write(ops);
	}

	async #write(ops: ReturnType<Folds['run']>): Promise<void> {
		const tx = this.store.relaxed(['rows']);
		await applyRows(tx.objectStore('rows') as never, ops);
		await tx.done;
	}

	/** Another tab wrote, or was told: the same folds, but it has stored the rows already. */
	#overhear(message: TabMessage): void {
		if (message.sort === 'signed_out') return this.live.stop('signed_out');
		for (const fact of message.facts ?? []) this.#folds.run(fact);
		this.#afterOwn(message.facts ?? []);
		if (message.facts?.some((fact) => fact.state === 'pending')) this.#sender.kick();
	}

	async #count(): Promise<void> {
		this.waiting = await this.outbox.waiting().catch(() => this.waiting);
	}

	#alarm(code: string, about = ''): void {
		this.trouble = { code, detail: sentence(code, pageLanguage()) ?? code, about };
	}
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
	map.set(key, value);
	if (map.size > PLACES_MAX) map.delete(map.keys().next().value!);
}
