/** Who is who: device → account and key, account → name. From the members of each space, kept for when there is no network. */
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../errors';
import { publicKey, type PublicKey } from '../keys';
import type { Api } from '../api';
import type { Store } from '../store';
import type { AccountId, DeviceId, Member, SpaceId } from '../types';

/** A device that nobody knew is asked for again after this. */
export const ASK_AGAIN_MS = 5 * 60_000;
const HOPELESS_MAX = 1_000;
const MEMBERS_MAX = 10_000;

export type Person = Pick<Member, 'account' | 'name' | 'picture'>;

export class Directory {
	/** Reactive. */
	readonly people = new SvelteMap<AccountId, Person>();
	readonly #devices = new Map<DeviceId, { account: AccountId | null; key: PublicKey }>();
	/** `space/device` → when nobody knew it. */
	readonly #hopeless = new Map<string, number>();
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

	/** Ask for devices that are not known here; those that stay unknown (a provider's own) not again for a while. */
	async learn(space: SpaceId, devices: Iterable<DeviceId>): Promise<void> {
		const unknown = (): DeviceId[] => [...devices].filter((device) => !this.#devices.has(device) && !this.#isHopeless(space, device));
		const underWay = this.#asking.get(space);
		if (unknown().length > 0 && underWay !== undefined) await underWay.catch(() => undefined);
		if (unknown().length === 0) return;
		const answered = await this.members(space).then(() => true, () => false);
		if (!answered) return;
		if (this.#hopeless.size > HOPELESS_MAX) this.#hopeless.clear();
		for (const device of unknown()) this.#hopeless.set(`${space}/${device}`, Date.now());
	}

	#isHopeless(space: SpaceId, device: DeviceId): boolean {
		return Date.now() - (this.#hopeless.get(`${space}/${device}`) ?? -Infinity) < ASK_AGAIN_MS;
	}

	async #ask(space: SpaceId): Promise<Member[]> {
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
