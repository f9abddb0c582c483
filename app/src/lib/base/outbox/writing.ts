/** Writing facts: numbers, chain and stamp for new ones; new ones for those whose number is lost. No store, no network. */
import { randomBytes } from '../b64';
import { author, SALT_BYTES, type Signer } from '../core';
import { headsAfter, type WriteOptions } from '../device';
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
	const ah = intent.ah ?? chain?.heads ?? [];
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
	return { item, chain: { space, ds, dp: id, heads: headsAfter(chain?.heads ?? [], { id, kind: intent.kind, ah }) } };
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

/** The chain before an item that was never sent; the heads that are left, or those it had seen. */
export function chainBefore(item: OutboxItem, heads: CoreId[]): StoredChain {
	const core = JSON.parse(item.parcel.c) as Core;
	return { space: item.space, ds: item.ds - 1, dp: core.dp, heads: heads.length > 0 ? heads : core.ah };
}

function rename(body: JsonObject, renamed: ReadonlyMap<string, string>): JsonObject {
	if (renamed.size === 0) return body;
	let text = JSON.stringify(body);
	for (const [old, now] of renamed) text = text.replaceAll(`"${old}"`, `"${now}"`);
	return JSON.parse(text) as JsonObject;
}
