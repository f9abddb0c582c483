/** Where this browser may go on: what it keeps of it, and what it believes of what it is told. */
import { nextHosts, readHosts, type KeptHosts } from '../hostlist';
import { verify } from '../keys';
import type { Store } from '../store';
import type { DeviceId, Host, Me } from '../types';

export const HOSTS = 'hosts';

export class Ways {
	#kept: KeptHosts | undefined;
	#hosts: Host[] | undefined;

	constructor(
		private readonly store: Store,
		private readonly device: DeviceId
	) {}

	/** What is kept, if it proves itself still; else only the page's own provider, as `me` names it. */
	async load(me: Me): Promise<Host[]> {
		if (this.#hosts !== undefined) return this.#hosts;
		const kept = await this.store.meta<KeptHosts>(HOSTS).catch(() => undefined);
		// Who signs in anew begins anew: that is when a person decides whom to trust.
		if (kept?.device !== this.device) return ownOf(me);
		try {
			this.#hosts = (await readHosts(kept.signed, verify)).hosts;
			this.#kept = kept;
			return this.#hosts;
		} catch (error) {
			console.warn('the kept list of providers does not prove itself and is not used', error);
			return ownOf(me);
		}
	}

	/** What the own provider says now. A list that does not prove itself leaves the one before in its place. */
	async take(me: Me): Promise<Host[]> {
		const before = await this.load(me);
		if (!me.signed && !me.hosts?.length) return before;
		try {
			const { hosts } = await nextHosts(me.signed, this.#kept?.signed, me.account.id, verify);
			this.#kept = { device: this.device, signed: me.signed! };
			await this.store.setMeta(HOSTS, this.#kept).catch(() => undefined);
			return (this.#hosts = hosts);
		} catch (error) {
			console.warn('a list of providers does not prove itself; the one before stays', error);
			return before;
		}
	}
}

function ownOf(me: Me): Host[] {
	return (me.hosts ?? []).filter(({ url }) => url === globalThis.location?.origin);
}
