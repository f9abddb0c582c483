/** Opening an account: the facts that must be signed first, sent together, taken all or none. */
import { api, Device, openStore, personalSpace, Scribe, type AccountId, type CoreId, type Parcel, type ProviderInfo, type SpaceId } from '$lib/base';
import type { Form } from '$lib/ui';
import { thisBrowser } from './browser';
import { makePasskey, type PasskeyAnswer } from './passkeys';

export interface Person {
	name: string;
	handle: string;
	/** Null: by passkey. */
	password: string | null;
}

/** A way into a space: an invitation and a signature of its key for the account that joins. */
export interface Entrance {
	space: SpaceId;
	invitation: CoreId;
	heads: CoreId[];
	sign(account: AccountId): Promise<string>;
}

interface Draft {
	account: AccountId;
	scribe: Scribe;
	parcels: Parcel[];
}

async function begin(provider: ProviderInfo, name: string): Promise<Draft> {
	const store = await openStore();
	// A fresh key for every attempt: a number once sent is never used again.
	const device = await Device.create(store);
	const scribe = new Scribe(device);
	const opened = await scribe.write(null, 'account.account_opened.1', { alg: device.alg, key: device.key, home: provider.provider });
	const account = opened.space as unknown as AccountId;
	const profile = await scribe.write(opened.space, 'account.profile_changed.1', { name, status: '', picture: null, blobs: [] });
	const personal = await scribe.write(personalSpace(account), 'authority.personal_opened.1', { account }, { derived: true });
	return { account, scribe, parcels: [opened.parcel, profile.parcel, personal.parcel] };
}

type Proof = { setup: string } | { invitation: { id: CoreId; sig: string } };

async function send(draft: Draft, person: Person, proof: Proof, passkey: PasskeyAnswer | null): Promise<void> {
	await api.post('/api/accounts', {
		proof,
		handle: person.handle,
		label: thisBrowser(),
		parcels: draft.parcels,
		...(passkey ? { passkey } : { password: person.password })
	});
}

const passkeyFor = (person: Person) => (person.password === null ? makePasskey(person.handle, person.name) : Promise.resolve(null));

/** The first account of a firm, by the one-time link. */
export async function openFirm(token: string, firm: { title: string; form: Form }, person: Person): Promise<void> {
	const provider = await api.get<ProviderInfo>('/api/provider');
	const passkey = await passkeyFor(person);
	const draft = await begin(provider, person.name);
	const founded = await draft.scribe.write(null, 'authority.space_created.1', {
		sort: 'organisation',
		title: firm.title,
		parent: null,
		account: draft.account,
		providers: [provider.provider],
		address_form: firm.form
	});
	draft.parcels.push(founded.parcel);
	await send(draft, person, { setup: token }, passkey);
}

/** An account for somebody who was invited; joins every space that the link opens. */
export async function openByInvitation(entrances: readonly Entrance[], person: Person): Promise<void> {
	const first = entrances[0]!;
	const provider = await api.get<ProviderInfo>('/api/provider');
	const passkey = await passkeyFor(person);
	const draft = await begin(provider, person.name);
	for (const entrance of entrances) {
		const proof = await entrance.sign(draft.account);
		const body = { account: draft.account, invitation: entrance.invitation, proof, parent_heads: [] };
		const joined = await draft.scribe.write(entrance.space, 'authority.member_joined.1', body, { ah: entrance.heads, re: [entrance.invitation] });
		draft.parcels.push(joined.parcel);
	}
	await send(draft, person, { invitation: { id: first.invitation, sig: await first.sign(draft.account) } }, passkey);
}

/** "Anna Lindner" → "anna.lindner", as a proposal for the sign-in name. */
export function proposedHandle(name: string): string {
	const spelled = name.toLowerCase().replace(/ä/g, 'ae').replace(/ö/g, 'oe').replace(/ü/g, 'ue').replace(/ß/g, 'ss');
	const plain = spelled.normalize('NFD').replace(/\p{M}/gu, '');
	return plain.replace(/[^a-z0-9]+/g, '.').replace(/^\.+|\.+$/g, '').slice(0, 40);
}
