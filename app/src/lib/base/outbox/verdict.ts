/** What an outcome means for an item of the outbox. Pure. */
import type { Outcome } from '../live';
import type { OutboxItem } from '../store';
import type { CoreId } from '../types';

/** How often a fact is written anew after refusals that pass. */
export const REWRITES_MAX = 5;
/** Refusals that say nothing about the fact itself. */
export const PASSING: ReadonlySet<string> = new Set(['log.future_stamp', 'base.too_fast', 'base.overloaded']);

export type Verdict =
	| { is: 'accepted'; durable: boolean }
	/** Refused, its number is used up by a void. */
	| { is: 'void'; rewrite: boolean; code: string; detail: string }
	/** Refused, its number is still to be used up. */
	| { is: 'owed'; code: string; detail: string }
	/** The provider lacks what it builds on: its own predecessors from number `ds`, after `dp`, or facts that it names. */
	| { is: 'asked'; ds: number; dp: CoreId | null; missing: CoreId[] };

export function verdictOf(item: OutboxItem, outcome: Outcome): Verdict {
	switch (outcome.st) {
		case 'accepted':
		case 'durable':
			return { is: 'accepted', durable: outcome.st === 'durable' };
		case 'ask':
			return { is: 'asked', ds: outcome.ds ?? item.ds, dp: (outcome.dp ?? null) as CoreId | null, missing: (outcome.missing ?? []) as CoreId[] };
		case 'refused':
			return refused(item, outcome);
	}
}

function refused(item: OutboxItem, outcome: Outcome): Verdict {
	const code = outcome.code ?? 'base.refused';
	const detail = outcome.detail ?? '';
	const usedUp = outcome.dp === item.id || (outcome.ds ?? 0) > item.ds;
	if (!usedUp || code === 'log.reused_number') return { is: 'owed', code, detail };
	const isGenesis = (item.space as string) === item.id;
	const rewrite = PASSING.has(code) && !item.gone && !isGenesis && item.tries < REWRITES_MAX;
	return { is: 'void', rewrite, code, detail };
}
