import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { unb64, utf8 } from '../../base/b64';
import { CODE_CHARS, keyOf, newCode, NUMBER_CHARS, newNumber, read, spelled } from './codes';

describe('codes of an emergency card', () => {
	it('a code as it was printed, typed in any way, is the same code', () => {
		const code = newCode();
		expect(code).toHaveLength(CODE_CHARS);
		expect(spelled(code)).toMatch(/^(\w{4}-){3}\w{4}$/);
		for (const typed of [code, spelled(code), spelled(code).toLowerCase(), ` ${spelled(code).replaceAll('-', ' ')} `, spelled(code).replaceAll('-', '–')]) {
			expect(read(typed, CODE_CHARS)).toBe(code);
		}
	});

	it.each(['', 'ABCD', 'ABCD-EFGH-JKLM-NPQ', 'ABCD-EFGH-JKLM-NPQRS', 'ABCD-EFGH-JKLM-NPQ!', 'ÄBCD-EFGH-JKLM-NPQR'])('%s is no code', (typed) => expect(read(typed, CODE_CHARS)).toBeNull());

	it('the same code and card give the same key, another card another one', async () => {
		const [code, number] = ['ABCDEFGHJKLMNPQR', 'H7KM2PQR'];
		const [once, again, elsewhere] = await Promise.all([keyOf(code, number), keyOf(code, number), keyOf(code, 'AAAAAAAA')]);
		expect(again.id).toBe(once.id);
		expect(elsewhere.id).not.toBe(once.id);
		expect(ed25519.verify(await once.sign(utf8('x')), utf8('x'), unb64(once.key))).toBe(true);
	});

	it('the key of a code is the same for ever', async () => {
		const { key } = await keyOf('ABCDEFGHJKLMNPQR', 'H7KM2PQR');
		expect(key).toBe('-R84ngPyfdh3BSQY4BEzmW1MmOZ8RUugCKUu6QlMx6w');
	});

	it('numbers are what a card can carry', () => expect(newNumber()).toMatch(new RegExp(`^[A-HJ-NP-Z2-9]{${NUMBER_CHARS}}$`)));
});
