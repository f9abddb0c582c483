import { describe, expect, it } from 'vitest';
import { isGenuine, numberOf, type NewDevice } from './pairing';

const CODE = 'ABCDEFGHJKLMNPQR';
const phone: NewDevice = { alg: 'ed25519', key: 'A'.repeat(43), label: 'Telefon' };

describe('a new device', () => {
	it('both show the same six digits, and others for another key or code', () => {
		expect(numberOf(CODE, phone)).toMatch(/^\d{3} \d{3}$/);
		expect(numberOf(CODE, { ...phone })).toBe(numberOf(CODE, phone));
		expect(numberOf(CODE, { ...phone, key: 'B'.repeat(43) })).not.toBe(numberOf(CODE, phone));
		expect(numberOf('BBCDEFGHJKLMNPQR', phone)).not.toBe(numberOf(CODE, phone));
	});

	it('a claim that was not made with the code is seen', () => expect(isGenuine(CODE, { device: phone, proof: 'A'.repeat(43) })).toBe(false));
});
