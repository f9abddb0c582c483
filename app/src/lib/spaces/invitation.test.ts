import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { unb64 } from '../base/b64';
import type { AccountId, CoreId, SpaceId } from '../base/types';
import { linkOf, linksOf, makeKey, othersOf, sign, ticketsOf, type Ticket } from './invitation';

const space = 'A'.repeat(43) as SpaceId;
const invitation = 'B'.repeat(43) as CoreId;
const account = 'C'.repeat(43) as AccountId;

describe('invitation', () => {
	it('the seed in the link signs for the key in the fact', async () => {
		const { seed, key } = await makeKey();
		const proof = await sign({ space, invitation, seed }, account);
		const message = new TextEncoder().encode(`verbund/join/1\0${space}\0${account}`);
		expect(ed25519.verify(unb64(proof), message, unb64(key))).toBe(true);
	});

	it('a signature for somebody else is another one', async () => {
		const { seed } = await makeKey();
		const mine = await sign({ space, invitation, seed }, account);
		expect(await sign({ space, invitation, seed }, 'D'.repeat(43) as AccountId)).not.toBe(mine);
	});

	it('a link gives back its tickets in their order', async () => {
		const tickets: Ticket[] = [
			{ space, invitation, seed: (await makeKey()).seed },
			{ space: 'E'.repeat(43) as SpaceId, invitation: 'F'.repeat(43) as CoreId, seed: (await makeKey()).seed }
		];
		expect(ticketsOf(new URL(linkOf('https://verbund.example', tickets)).hash)).toEqual(tickets);
	});

	it.each(['', '#', `#${space}`, `#${space}.${invitation}`, `#${space}.${invitation}.kurz`, `#${space}.${invitation}.${'ü'.repeat(43)}`])(
		'an incomplete link opens nothing: %s',
		(fragment) => expect(ticketsOf(fragment)).toEqual([])
	);

	it('each link names the other addresses behind what no provider is sent', async () => {
		const tickets: Ticket[] = [{ space, invitation, seed: (await makeKey()).seed }];
		const [home, partner] = linksOf(['https://werkhof.example', 'https://suednetz.example:8443'], tickets).map((link) => new URL(link));
		expect(home!.hash).toContain('~');
		expect(ticketsOf(home!.hash)).toEqual(tickets);
		expect(othersOf(home!.hash, home!.origin)).toEqual(['https://suednetz.example:8443']);
		expect(othersOf(partner!.hash, partner!.origin)).toEqual(['https://werkhof.example']);
	});

	it.each(['javascript:alert(1)', 'https://a.example/path', 'https://user@a.example', 'suednetz', 'data:text/html,x', 'https://own.example'])('%s is no other address', (url) =>
		expect(othersOf(`#x~${url}`, 'https://own.example')).toEqual([])
	);
});
