/** A provider that signs lists of hosts, also wrong ones. */
import { b64, utf8 } from '../b64';
import { encode } from '../canonical';
import { generate, providerId, sign, type PublicKey } from '../keys';
import type { AccountId, Host, ProviderId, SignedHosts } from '../types';

const DAYS_MS = 80 * 86_400_000;

interface Pair {
	key: PublicKey;
	secret: CryptoKey;
}

export class Signatory {
	readonly provider: ProviderId;

	private constructor(
		readonly root: Pair,
		readonly key: Pair,
		readonly number: number
	) {
		this.provider = providerId(root.key);
	}

	static async make(number = Date.now() - 1_000): Promise<Signatory> {
		return new Signatory(await generate(), await generate(), number);
	}

	/** The next key of the same provider. */
	async next(number: number): Promise<Signatory> {
		return new Signatory(this.root, await generate(), number);
	}

	async sign(account: AccountId, hosts: readonly Host[], { at = this.number, revoked = [] as number[], provider = this.provider } = {}): Promise<SignedHosts> {
		const [key, until] = [b64(this.key.key.raw), this.number + DAYS_MS];
		const certified = encode({ key, number: this.number, provider: this.provider, revoked, until });
		const said = encode({ account, at, hosts: hosts.map(({ home = false, ...host }) => ({ ...host, home })), provider });
		const signed = (pair: Pair, text: string) => sign(pair.key.alg, pair.secret, utf8(text)).then(b64);
		return {
			said, sig: await signed(this.key, `verbund/hosts/1\0${said}`), alg: this.root.key.alg, root: b64(this.root.key.raw), key,
			number: this.number, until, revoked, certified: await signed(this.root, `verbund/head-key/1\0${certified}`)
		};
	}
}
