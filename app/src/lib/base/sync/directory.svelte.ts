/** Who is who: device → account and key, account → name. From the members of each space, kept for when there is no network. */
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../errors';
import { publicKey, type PublicKey } from '../keys';
import type { Api } from '../api';
import type { Store } from '../store';
import type { AccountId, DeviceId, Member, SpaceId } from '../types';

/** A space is asked at most so often because of devices that nobody knows. */
export const ASK_AGAIN_MS = 10_000;
const MEMBERS_MAX = 10_000;

export type Person = Pick<Member, 'account' | 'name' | 'picture'>;

export class Directory {
	/** Reactive. */
	readonly people = new SvelteMap<AccountId, Person>();
	readonly #devices = new Map<DeviceId, { account: AccountId | null; key: PublicKey }>();
	readonly #asked = new Map<SpaceId, number>();
	readonly #asking = new Map<SpaceId, Promise<Member[]>>();

	constructor(
		private readonly store: Store,
		private readonly api: Api
	) {}

	/** Everybody that this browser knows from before. */
	async load(): Promise<void> {
		for (const { members } of await this.store.db.getAll('members')) this.#take(members);
	}

	account(device: DeviceId): AccountId | null {
		return this.#devices.get(device)?.account ?? null;
	}

	key(device: DeviceId): PublicKey | undefined {
		return this.#devices.get(device)?.key;
	}

	/** A device that stands in no list of members: this one, the provider's. */
	introduce(device: DeviceId, account: AccountId | null, alg: string, key: string): void {
		this.#devices.set(device, { account, key: publicKey(alg, key) });
	}

	/** Names that came with something else. */
	name(account: AccountId, name: string): void {
		if (!this.people.has(account)) this.people.set(account, { account, name, picture: null });
	}

	/** The members (those who are gone too) as the provider says, or as it said when it could last be asked. */
	async members(space: SpaceId): Promise<Member[]> {
		let asking = this.#asking.get(space);
		if (asking === undefined) {
			asking = this.#ask(space).finally(() => this.#asking.delete(space));
			this.#asking.set(space, asking);
		}
		return asking;
	}

	/** Ask once for devices that are not known here; not again for a while when that did not help. */
	async learn(space: SpaceId, devices: Iterable<DeviceId>): Promise<void> {
		const isUnknown = [...devices].some((device) => !this.#devices.has(device));
		const asked = this.#asked.get(space) ?? 0;
		if (!isUnknown || Date.now() - asked < ASK_AGAIN_MS) return;
		await this.members(space).catch(() => undefined);
	}

	async #ask(space: SpaceId): Promise<Member[]> {
		this.#asked.set(space, Date.now());
		let members: Member[];
		try {
			members = (await this.api.get<Member[]>(`/api/spaces/${space}/members`)).slice(0, MEMBERS_MAX);
		} catch (error) {
			const held = await this.store.db.get('members', space);
			if (held === undefined || error instanceof ApiError) throw error;
			return held.members;
		}
		this.#take(members);
		await this.store.guard(() => this.store.db.put('members', { space, members })).catch(() => undefined);
		return members;
	}

	#take(members: readonly Member[]): void {
		for (const { account, name, picture, devices } of members) {
			const held = this.people.get(account);
			if (held?.name !== name || held.picture !== picture) this.people.set(account, { account, name, picture });
			for (const { id, alg, key } of devices ?? []) {
				if (this.#devices.has(id)) continue;
				try {
					this.introduce(id, account, alg, key);
				} catch (error) {
					console.error('a device with a key of no use', id, error);
				}
			}
		}
	}
}
