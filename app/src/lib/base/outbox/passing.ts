/**
 * Own facts that a provider goes on asking for and that are nowhere: a browser was put back to an old copy, and whoever had
 * what it wrote before lost it. Their numbers become voids, what waits is written anew behind them.
 *
 * The same where a provider goes on asking for facts of others that own ones name: those are refused, to be sent again
 * when their person says so, and what waits behind them goes on.
 *
 * Invariant: what counts has a number that this browser never sent before; in place of one that it may have sent only
 * headers are offered, and those never count, so what turns up after all still does (outbox.test.ts; at the provider:
 * tests/simulation/test_passed_over.py).
 */
import { pageLanguage, sentence } from '../errors';
import type { OutboxItem, StoredChain } from '../store';
import type { CoreId, SpaceId } from '../types';
import type { Change, Outbox } from './outbox';
import { rewrite, writeNext } from './writing';

const PASSED = 'log.number_passed.1';
const UNMET = 'log.unmet';

/** The last own fact that a provider has, and what it lacks of others. */
export interface Passed {
	ds: number;
	dp: CoreId | null;
	missing: readonly CoreId[];
}

/** Runs under the author lock. */
export async function passOver(outbox: Outbox, space: SpaceId, { ds, dp, missing }: Passed): Promise<void> {
	const { store } = outbox;
	const { pen, head } = outbox.ports;
	const last = { ds, dp };
	// What is written anew has seen what this provider has: else it would be asked again for what is missing.
	const there = missing.length > 0 ? await head(space).catch(() => null) : null;
	if (missing.length > 0 && there === null) return;
	const held = await store.db.get('chains', space);
	if (held === undefined || held.ds <= last.ds) return;
	const all = await store.db.getAllFromIndex('outbox', 'place', IDBKeyRange.bound([space], [space, []]));
	const replaced = all.filter((item) => item.ds > last.ds && (item.state === 'pending' || item.state === 'accepted'));
	const isPendingLost = replaced.some((item) => item.id === held.pending);
	let chain: StoredChain = { ...held, ...last, heads: there?.heads ?? held.heads, pending: isPendingLost ? null : held.pending };
	const voids: OutboxItem[] = [];
	while (chain.ds < held.ds) {
		const next = await writeNext(pen, chain, { kind: PASSED, body: {}, ah: [] });
		voids.push({ ...next.item, sent: true, gone: true });
		chain = next.chain;
	}
	const unmet = naming(replaced, missing);
	const written = await rewrite(pen, chain, replaced.filter((item) => !item.gone && !unmet.has(item.id)));
	const refused = replaced.filter((item) => !item.gone && unmet.has(item.id)).map((item): OutboxItem => ({ ...item, ...refusal() }));
	// Refused before, its number still to be used up: now it is.
	const owed = all.filter((item) => item.state === 'owed').map((item): OutboxItem => ({ ...item, state: 'refused' }));
	await outbox.commit(
		[
			...replaced.map((item): Change => (unmet.has(item.id) ? { item, ...refusal() } : { item, state: 'refused', code: 'base.replaced' })),
			...written.items.map((item): Change => ({ item, state: 'pending' }))
		],
		{ puts: [...owed, ...voids, ...refused, ...written.items], chain: written.chain, deletes: replaced.map((item) => item.id) }
	);
	outbox.ports.well('log.provider_behind');
}

const refusal = (): { state: 'refused'; code: string; detail: string } => ({
	state: 'refused', code: UNMET, detail: sentence(UNMET, pageLanguage()) ?? UNMET
});

/** Of these, in their order, those that name something that is missing, or one of them. */
function naming(items: readonly OutboxItem[], missing: readonly CoreId[]): Set<CoreId> {
	const unmet = new Set<CoreId>();
	for (const item of items) {
		if (item.re.some((id) => missing.includes(id) || unmet.has(id))) unmet.add(item.id);
	}
	return unmet;
}
