/** The shapes that base hands out. No code. */

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

export type SpaceId = Id<'space'>;
export type CoreId = Id<'core'>;
export type AccountId = Id<'account'>;
export type DeviceId = Id<'device'>;
export type ProviderId = Id<'provider'>;
export type BlobHash = Id<'blob'>;

/** Everything canonical JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** `<provider>.<incarnation>` → last seq held. */
export type Vector = Readonly<Record<string, number>>;

/** An event as its device signed it; the body lies apart. Field names as on the wire. */
export interface Core {
	ah: CoreId[];
	bh: string;
	bk: string | null;
	bs: number;
	dev: DeviceId;
	dp: CoreId | null;
	ds: number;
	k: string;
	mu: boolean;
	re: CoreId[];
	sp?: SpaceId;
	t: string;
	v: number;
}

/** A core on its way: exact core text, signature, salt and exact body text (both null when erased). */
export interface Parcel {
	c: string;
	s: string;
	sa: string | null;
	b: string | null;
}

/** A provider's envelope around a core. `x`: 0 settled, 1 waiting, 2 quarantined, 3 void. */
export interface Entry extends Parcel {
	id: CoreId;
	p: ProviderId;
	i: number;
	n: number;
	h: string;
	at: number;
	o: number;
	x: 0 | 1 | 2 | 3 | 4;
}

/**
 * How far a fact has come. `pending`: only in this browser. `accepted`: one provider has it on disk. `durable`: as many
 * providers as the space demands. `refused`: it does not count; take back what it did.
 */
export type FactState = 'pending' | 'accepted' | 'durable' | 'refused';

/** A fact as folds get it. */
export interface Fact<Body = JsonObject> {
	id: CoreId;
	space: SpaceId;
	dev: DeviceId;
	ds: number;
	/** Hybrid logical clock, 16 hex digits; `msOf(t)` gives milliseconds. */
	t: string;
	/** Orders concurrent writes of one field: t, device, number. The server's `stamp` is the same text. */
	stamp: string;
	kind: string;
	/** Null when erased. */
	body: Body | null;
	re: CoreId[];
	/** The account behind the device; null for a provider's own device and for devices nobody here knows. */
	by: AccountId | null;
	/** When the provider took it in (ms); null while pending. */
	at: number | null;
	/** The provider's local order; null while pending. */
	position: number | null;
	state: FactState;
	/** Why it was refused. */
	code?: string;
	/** The sentence to show for it. */
	detail?: string;
	/** The pending fact that this one stands for, after its number was lost: the old one arrives as refused. */
	replaces?: CoreId;
}

/** A row of a capability in this browser's store. `value` must survive structured cloning. */
export interface Row<Value = unknown> {
	space: SpaceId;
	kind: string;
	id: string;
	/** Text order = the order that `rows(…)` lists in. For messages: t + id. */
	stamp: string;
	value: Value;
}

/**
 * What a fold may write. Collected first, then applied in order in ONE IndexedDB transaction together with the vector.
 * When another tab has stored this fact already, the writes are dropped and only the fold's own memory changes.
 */
export interface RowWriter {
	put<Value>(kind: string, id: string, stamp: string, value: Value): void;
	/** Runs inside the transaction, synchronously. Return null to delete the row, undefined or `old` to leave it. */
	update<Value>(kind: string, id: string, change: (old: Value | undefined) => Value | null | undefined, stamp?: string): void;
	remove(kind: string, id: string): void;
	/** Remove the rows of a kind for which `goes` is true. */
	sweep<Value>(kind: string, goes: (value: Value) => boolean): void;
}

/** Called for every fact of its kind, in order, also again when the fact's state changes: it must be repeatable. */
export type Fold = (fact: Fact, rows: RowWriter) => void;

export interface Signal {
	space: SpaceId;
	kind: string;
	data: unknown;
	by: AccountId | null;
}

/** `connecting`: no answer yet or again. `offline`: the last attempts failed. `signed_out`: the session is over. */
export type LiveState = 'idle' | 'connecting' | 'online' | 'offline' | 'signed_out';

export interface ChannelSummary {
	id: CoreId | null;
	title: string;
	unread: number;
	mentions: number;
	last_at: number | null;
}

export interface SpaceSummary {
	id: SpaceId;
	sort: 'organisation' | 'team' | 'private' | 'direct' | 'meeting' | 'public' | 'personal' | 'account';
	title: string;
	parent: SpaceId | null;
	role: string;
	abilities: string[];
	archived: boolean;
	address_form?: 'sie' | 'du';
	people?: AccountId[];
	channels: ChannelSummary[];
	vector: Vector;
	heads: CoreId[];
	ds: number;
	dp: CoreId | null;
	/** How many providers hold it. */
	holders?: number;
}

/** A provider that holds spaces of this person; `url` is its origin. */
export interface Host {
	provider: ProviderId;
	name: string;
	url: string;
	/** An organisation of the viewer has chosen it as its home. */
	home?: boolean;
}

/** Hosts as their provider signs them: `said` is canonical text, signed by `key`, which the provider's root key certifies. */
export interface SignedHosts {
	said: string;
	sig: string;
	alg: string;
	root: string;
	key: string;
	number: number;
	until: number;
	revoked: number[];
	certified: string;
}

/** GET /api/me */
export interface Me {
	account: { id: AccountId; name: string; picture: BlobHash | null; status?: string; handle?: string | null };
	device: DeviceId | null;
	organisation: SpaceId | null;
	address_form: 'sie' | 'du';
	personal: SpaceId;
	/** People of the viewer's conversations. */
	names?: Record<AccountId, string>;
	spaces: SpaceSummary[];
	/** Spaces that the provider holds and that one does not belong to any more. */
	left?: SpaceId[];
	/** Where one can go on, the page's own provider first. */
	hosts?: Host[];
	/** The same, as this browser believes it. */
	signed?: SignedHosts | null;
	/** What the viewer's organisation has chosen as its home. */
	home?: Host | null;
}

/** GET /api/provider */
export interface ProviderInfo {
	provider: ProviderId;
	incarnation: number;
	name: string;
	setup_open: boolean;
	features: { meet: boolean; media: boolean };
	version: string;
	/** How many other providers it works with. */
	partners: number;
	now: number;
}

export interface MemberDevice {
	id: DeviceId;
	alg: string;
	key: string;
	sort?: string;
	label?: string;
	revoked?: boolean;
	/** Its last number in this space, for a removal's cut. */
	ds?: number;
}

/** A row of GET /api/spaces/{id}/members */
export interface Member {
	account: AccountId;
	name: string;
	picture: BlobHash | null;
	status?: string;
	/** Null for those who are gone. */
	role: string | null;
	online: boolean;
	/** No longer here, but what they wrote is. */
	gone?: boolean;
	devices: MemberDevice[];
}
