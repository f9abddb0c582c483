/** The device that this browser is: its key never leaves IndexedDB. And the scribe that writes before there is an outbox. */
import { b64, randomBytes, type Bytes } from './b64';
import { author, HEADS_MAX, SALT_BYTES, type Signer } from './core';
import { Hlc } from './hlc';
import { tellTabs } from './tabs';
import { deviceId, generate, sign, type Alg } from './keys';
import type { Store, StoredDevice } from './store';
import type { CoreId, DeviceId, JsonObject, Parcel, SpaceId } from './types';

const DEVICE = 'device';
/** Facts of an account space that others must know before they can verify. */
const ACCOUNT_AUTHORITY = new Set(['account_opened', 'device_added', 'device_revoked', 'agent_granted', 'card_made', 'card_revoked', 'passkey_made', 'passkey_shown', 'passkey_revoked'].map((verb) => `account.${verb}.1`));

export class Device implements Signer {
	private constructor(private readonly stored: StoredDevice) {}

	/** A new key that replaces the old one. Everything that the old one had numbered is let go with it. */
	static async create(store: Store): Promise<Device> {
		const old = await Device.load(store);
		const { key, secret } = await generate();
		const stored = { id: deviceId(key), alg: key.alg, key: b64(key.raw), secret };
		await store.guard(async () => {
			const tx = store.strict(['meta', 'chains', 'outbox', 'own']);
			await Promise.all([
				tx.objectStore('meta').put(stored, DEVICE),
				tx.objectStore('chains').clear(),
				tx.objectStore('outbox').clear(),
				tx.objectStore('own').clear(),
				tx.done
			]);
		});
		if (old !== null) tellTabs(old.id, { sort: 'signed_out' });
		return new Device(stored);
	}

	/** Whether this is still the key of this browser: another tab may have signed in anew. */
	async isCurrent(store: Store): Promise<boolean> {
		return (await store.meta<StoredDevice>(DEVICE))?.id === this.id;
	}

	static async load(store: Store): Promise<Device | null> {
		const stored = await store.meta<StoredDevice>(DEVICE);
		return stored === undefined ? null : new Device(stored);
	}

	get id(): DeviceId {
		return this.stored.id;
	}

	get alg(): Alg {
		return this.stored.alg;
	}

	/** The raw public key as text. */
	get key(): string {
		return this.stored.key;
	}

	sign(message: Bytes): Promise<Bytes> {
		return sign(this.stored.alg, this.stored.secret, message);
	}
}

export interface Written {
	id: CoreId;
	space: SpaceId;
	parcel: Parcel;
}

export interface WriteOptions {
	re?: readonly CoreId[];
	/** The authority heads that the author has seen, where they are not known here. */
	ah?: readonly CoreId[];
	/** The first core of a direct or personal space: names its space and has seen nothing. */
	derived?: boolean;
}

/** Writes facts that somebody else sends: those of registering. Numbers and chains per space, in memory only. */
export class Scribe {
	readonly #chains = new Map<SpaceId, { ds: number; dp: CoreId | null; heads: readonly CoreId[] }>();
	readonly #hlc: Hlc;

	constructor(
		private readonly signer: Signer,
		now: () => number = Date.now
	) {
		this.#hlc = new Hlc(now);
	}

	/** A space of null begins a new one. */
	async write(space: SpaceId | null, kind: string, body: JsonObject, options: WriteOptions = {}): Promise<Written> {
		const chain = (space && this.#chains.get(space)) ?? { ds: 0, dp: null, heads: [] };
		const ah = options.derived ? [] : (options.ah ?? chain.heads);
		const { id, parcel } = await author(
			this.signer,
			{ space, kind, ds: chain.ds + 1, dp: chain.dp, t: this.#hlc.tick(), ah, re: options.re ?? [] },
			body,
			randomBytes(SALT_BYTES)
		);
		const where = space ?? (id as unknown as SpaceId);
		this.#chains.set(where, { ds: chain.ds + 1, dp: id, heads: headsAfter(chain.heads, { id, kind, ah }) });
		return { id, space: where, parcel };
	}
}

/** The newest authority facts after one more was written or seen: those it has seen are no heads any more. */
export function headsAfter(heads: readonly CoreId[], core: { id: CoreId; kind: string; ah: readonly CoreId[] }): CoreId[] {
	if (!isAuthority(core.kind) || heads.includes(core.id)) return [...heads];
	return [...heads.filter((head) => !core.ah.includes(head)), core.id].slice(-HEADS_MAX).sort();
}

export function isAuthority(kind: string): boolean {
	return kind.startsWith('authority.') || ACCOUNT_AUTHORITY.has(kind);
}
