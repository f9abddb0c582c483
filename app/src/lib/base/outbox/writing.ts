/** Writing facts: numbers, chain and stamp for new ones; new ones for those whose number is lost. No store, no network. */
import { randomBytes } from '../b64';
import { author, HEADS_MAX, SALT_BYTES, type Signer } from '../core';
import { headsAfter, isAuthority, type WriteOptions } from '../device';
import type { Hlc } from '../hlc';
import type { OutboxItem, StoredChain } from '../store';
import type { Core, CoreId, JsonObject, SpaceId } from '../types';

export interface Intent extends WriteOptions {
	kind: string;
	body: JsonObject;
	tries?: number;
	replaces?: CoreId;
}

export interface Pen {
	signer: Signer;
	hlc: Hlc;
	now: () => number;
}

/** The next fact of a chain (of a new space when the chain is null), and the chain after it. Raises NotCanonical, TooLarge. */
export async function writeNext(
	pen: Pen,
	chain: StoredChain | null,
	intent: Intent
): Promise<{ item: OutboxItem; chain: StoredChain }> {
	const ds = (chain?.ds ?? 0) + 1;
	const ah = intent.ah ?? (chain === null ? [] : seen(chain));
	const re = [...(intent.re ?? [])];
	const { id, parcel } = await author(
		pen.signer,
		{ space: chain?.space ?? null, kind: intent.kind, ds, dp: chain?.dp ?? null, t: pen.hlc.tick(), ah, re },
		intent.body,
		randomBytes(SALT_BYTES)
	);
	const space = chain?.space ?? (id as unknown as SpaceId);
	const item: OutboxItem = {
		id,
		space,
		ds,
		kind: intent.kind,
		re,
		body: intent.body,
		parcel,
		state: 'pending',
		sent: false,
		gone: false,
		tries: intent.tries ?? 0,
		queuedAt: pen.now(),
		...(intent.replaces ? { replaces: intent.replaces } : {})
	};
	const pending = isAuthority(intent.kind) ? id : (chain?.pending ?? null);
	return { item, chain: { space, ds, dp: id, heads: chain?.heads ?? [], pending } };
}

/**
 * Write facts anew, in this order, from where the chain stands. Whatever names an id that changes names the new one.
 * `chain`: the one before the first of them.
 */
export async function rewrite(
	pen: Pen,
	chain: StoredChain,
	items: readonly OutboxItem[]
): Promise<{ items: OutboxItem[]; chain: StoredChain }> {
	const renamed = new Map<string, CoreId>();
	const written: OutboxItem[] = [];
	for (const old of items) {
		const next = await writeNext(pen, chain, {
			kind: old.kind,
			body: rename(old.body, renamed),
			re: old.re.map((id) => renamed.get(id) ?? id),
			tries: old.state === 'pending' ? old.tries : old.tries + 1,
			replaces: old.id
		});
		renamed.set(old.id, next.item.id);
		written.push({ ...next.item, queuedAt: old.queuedAt });
		chain = next.chain;
	}
	return { items: written, chain };
}

/** Where the chain of a space stands before an item that was never sent. */
export function chainBefore(item: OutboxItem, held: StoredChain): StoredChain {
	const core = JSON.parse(item.parcel.c) as Core;
	return { ...held, ds: item.ds - 1, dp: core.dp };
}

/** The chain after a provider said what it does with an own authority fact. */
export function chainAfter(chain: StoredChain, item: Pick<OutboxItem, 'id' | 'kind' | 'parcel'>, isAccepted: boolean): StoredChain {
	const pending = chain.pending === item.id ? null : chain.pending;
	if (!isAccepted) return { ...chain, pending };
	const { ah } = JSON.parse(item.parcel.c) as Core;
	return { ...chain, pending, heads: headsAfter(chain.heads, { id: item.id, kind: item.kind, ah }) };
}

/** What the author has seen: what providers have, and the own newest beside it, for that one may yet be refused. */
function seen({ heads, pending }: StoredChain): CoreId[] {
	return pending === null ? heads : [...heads.slice(1 - HEADS_MAX), pending];
}

function rename(body: JsonObject, renamed: ReadonlyMap<string, string>): JsonObject {
	if (renamed.size === 0) return body;
	let text = JSON.stringify(body);
	for (const [old, now] of renamed) text = text.replaceAll(`"${old}"`, `"${now}"`);
	return JSON.parse(text) as JsonObject;
}
