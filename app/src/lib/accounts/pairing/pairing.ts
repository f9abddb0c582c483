/** A new device by a code that an old one shows. The code stays with the two; the provider knows a hash of it. */
import { api, Device, deviceId, digest, openStore, unb64, utf8, type SpaceId, type Sync } from '$lib/base';
import { thisBrowser } from '../browser';
import { CODE_CHARS, newCode, read } from '../card/codes';
import { postSettled } from '../settled';

const NAME = 'verbund/pairing/1\0';
const PROOF = 'verbund/pairing/proof/1\0';
const NUMBER = 'verbund/pairing/number/1\0';
const NUMBERS = 1_000_000;

export interface NewDevice {
	alg: string;
	key: string;
	label: string;
}
export interface Claim {
	device: NewDevice;
	proof: string;
}
export interface PairingShape {
	ends_at: number;
	claim: Claim | null;
}
export type PairingState = 'waiting' | 'added' | 'refused';

const nameOf = (code: string) => digest(utf8(NAME), utf8(code));
/** Whoever has not seen the code cannot make it for another key, the provider neither. */
const proofOf = (code: string, { alg, key }: NewDevice) => digest(utf8(PROOF), utf8(code), utf8(`\0${alg}\0${key}`));

/** The number that both devices show: another one where the key on the way was another. */
export function numberOf(code: string, { alg, key }: NewDevice): string {
	const hash = digest(utf8(NUMBER), utf8(code), utf8(`\0${alg}\0${key}`));
	const sum = [...utf8(hash)].reduce((left, byte) => (left * 257 + byte) % NUMBERS, 0);
	return String(sum).padStart(6, '0').replace(/^(\d{3})/, '$1 ');
}

export interface Shown extends PairingShape {
	code: string;
	/** Where the new device comes in: the provider that serves now. */
	origin: string;
}

/** On the old device. */
export async function begin(sync: Sync): Promise<Shown> {
	const code = newCode();
	const shape = await api.post<PairingShape>('/api/pairings', { name: nameOf(code) });
	return { ...shape, code, origin: sync.host?.url ?? location.origin };
}

export const ask = (code: string) => api.get<PairingShape>(`/api/pairings/${nameOf(code)}`);
export const refuse = (code: string) => api.delete(`/api/pairings/${nameOf(code)}`);
export const isGenuine = (code: string, claim: Claim) => claim.proof === proofOf(code, claim.device);

/** The old device says for everybody that the new one belongs to the account. */
export async function confirm(sync: Sync, { device }: Claim): Promise<void> {
	const dev = deviceId({ alg: device.alg === 'p256' ? 'p256' : 'ed25519', raw: unb64(device.key) });
	const space = sync.me.account.id as unknown as SpaceId;
	await postSettled(sync, space, 'account.device_added.1', { dev, alg: device.alg, key: device.key, label: device.label, voucher: 'device' });
}

/** On the new device: what it asks with. */
export async function makeClaim(): Promise<{ device: Device; shape: NewDevice }> {
	const store = await openStore();
	const device = (await Device.load(store)) ?? (await Device.create(store));
	return { device, shape: { alg: device.alg, key: device.key, label: thisBrowser() } };
}

export const claim = async (code: string, device: NewDevice) =>
	(await api.post<{ state: PairingState }>(`/api/pairings/${nameOf(code)}/claim`, { device, proof: proofOf(code, device) })).state;

export const codeIn = (text: string) => read(text, CODE_CHARS);
