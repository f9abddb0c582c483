import { describe, expect, it } from 'vitest';
import { HOSTS_MAX, otherHosts, standsIn } from './way';
import type { Host, Me, ProviderId, SpaceId, SpaceSummary } from './types';

const OWN = 'https://werkhof.example';
const host = (url: string): Host => ({ provider: url as ProviderId, name: url, url });

describe('the other providers', () => {
	it('are those that were told, each once, the own one not among them', () => {
		const told = [host(OWN), host('https://suednetz.example'), host('https://suednetz.example')];
		expect(otherHosts(told, OWN)).toEqual([host('https://suednetz.example')]);
		expect(otherHosts(undefined, OWN)).toEqual([]);
	});

	it.each(['https://suednetz.example/', 'https://suednetz.example/path', 'javascript:alert(1)', "https://a.example; script-src *", '', 'data:,'])(
		'are plain origins: %s is none', (url) => expect(otherHosts([host(url)], OWN)).toEqual([])
	);

	it('are not many', () => {
		const told = Array.from({ length: 40 }, (_, at) => host(`https://p${at}.example`));
		expect(otherHosts(told, OWN)).toHaveLength(HOSTS_MAX);
	});
});

describe('who stands in', () => {
	const space = (id: string): SpaceSummary => ({ id: id as SpaceId }) as SpaceSummary;
	const me = (spaces: string[], left: string[] = []): Me => ({ spaces: spaces.map(space), left: left as SpaceId[], organisation: null, account: { handle: null } }) as unknown as Me;

	it('keeps what it does not hold, but not what one was removed from meanwhile', () => {
		const there = me(['firm'], ['secret']);
		const held = { ...me(['firm', 'secret', 'elsewhere']), organisation: 'firm' as SpaceId, account: { handle: 'anna' } as Me['account'] };
		standsIn(there, held);
		expect(there.spaces.map(({ id }) => id)).toEqual(['firm', 'elsewhere']);
		expect(there.organisation).toBe('firm');
		expect(there.account.handle).toBe('anna');
	});
});
