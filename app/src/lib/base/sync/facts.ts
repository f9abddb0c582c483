/** Facts as folds get them: from a provider's entry, or from the outbox. */
import { QUARANTINED, WAITING } from '../entry';
import { pageLanguage, sentence } from '../errors';
import { stampOf } from '../hlc';
import type { Parsed } from '../core';
import type { Change } from '../outbox';
import type { AccountId, Core, Entry, Fact } from '../types';
import type { Directory } from './directory.svelte';

export const SET_ASIDE = 'log.set_aside';

/** An entry that is set aside, or waits for its causes again, is a fact that is to be taken back. */
export function entryFact(entry: Entry, { core, id, space, body, stamp }: Parsed, directory: Pick<Directory, 'account'>): Fact {
	return {
		id, space, dev: core.dev, ds: core.ds, t: core.t, stamp, kind: core.k, body, re: core.re,
		by: directory.account(core.dev), at: entry.at, position: entry.o, ...standing(entry)
	};
}

function standing({ x }: Entry): Pick<Fact, 'state' | 'code' | 'detail'> {
	if (x !== QUARANTINED && x !== WAITING) return { state: 'accepted' };
	return { state: 'refused', code: SET_ASIDE, detail: sentence(SET_ASIDE, pageLanguage()) };
}

export function changeFact(
	{ item, state, code, detail }: Change,
	by: AccountId,
	place: { at: number; position: number } | undefined
): Fact {
	const core = JSON.parse(item.parcel.c) as Core;
	return {
		id: item.id, space: item.space, dev: core.dev, ds: core.ds, t: core.t, stamp: stampOf(core), kind: core.k,
		body: item.body, re: core.re, by, at: place?.at ?? null, position: place?.position ?? null, state,
		...(code === undefined ? {} : { code }),
		...(detail === undefined ? {} : { detail }),
		...(item.replaces === undefined ? {} : { replaces: item.replaces })
	};
}
