/**
 * Own facts that a provider goes on asking for and that are nowhere: a browser was put back to an old copy, and whoever had
 * what it wrote before lost it. Their numbers become voids, what waits is written anew behind them.
 *
 * Invariant: what counts has a number that this browser never sent before; in place of one that it may have sent only
 * headers are offered, and those never count, so what turns up after all still does (outbox.test.ts; at the provider:
 * tests/simulation/test_passed_over.py).
 */
import type { OutboxItem, StoredChain } from '../store';
import type { CoreId, SpaceId } from '../types';
import type { Change, Outbox } from './outbox';
import { rewrite, writeNext } from './writing';

const PASSED = 'log.number_passed.1';

/** `last`: the last own fact that the provider has. Runs under the author lock. */
export async function passOver(outbox: Outbox, space: SpaceId, last: { ds: number; dp: CoreId | null }): Promise<void> {
	const { store } = outbox;
	const { pen } = outbox.ports;
	const held = await store.db.get('chains', space);
	if (held === undefined || held.ds <= last.ds) return;
	const all = await store.db.getAllFromIndex('outbox', 'place', IDBKeyRange.bound([space], [space, []]));
	const replaced = all.filter((item) => item.ds > last.ds && (item.state === 'pending' || item.state === 'accepted'));
	const isPendingLost = replaced.some((item) => item.id === held.pending);
	let chain: StoredChain = { ...held, ...last, pending: isPendingLost ? null : held.pending };
	const voids: OutboxItem[] = [];
	while (chain.ds < held.ds) {
		const next = await writeNext(pen, chain, { kind: PASSED, body: {}, ah: [] });
		voids.push({ ...next.item, sent: true, gone: true });
		chain = next.chain;
	}
	const written = await rewrite(pen, chain, replaced.filter((item) => !item.gone));
	// Refused before, its number still to be used up: now it is.
	const owed = all.filter((item) => item.state === 'owed').map((item): OutboxItem => ({ ...item, state: 'refused' }));
	await outbox.commit(
		[
			...replaced.map((item): Change => ({ item, state: 'refused', code: 'base.replaced' })),
			...written.items.map((item): Change => ({ item, state: 'pending' }))
		],
		{ puts: [...owed, ...voids, ...written.items], chain: written.chain, deletes: replaced.map((item) => item.id) }
	);
	outbox.ports.well('log.provider_behind');
}
