/** Folds the facts of calls into rows: the same rows as the server's fold gives, in whatever order facts arrive. Pure. */
import type { AccountId, CoreId, Fact, RowWriter } from '$lib/base';

export const STARTED = 'meet.call_started.1';
export const JOINED = 'meet.call_joined.1';
export const LEFT = 'meet.call_left.1';
export const MOVED = 'meet.call_moved.1';
export const ENDED = 'meet.call_ended.1';
export const CALL_KINDS = [STARTED, JOINED, LEFT, MOVED, ENDED] as const;
export const CALL_ROW = 'meet.call';

/** A call in the conversation. `seconds` null: not over; `people`: who took part (so far). Ended with nobody: not shown. */
export interface CallRow {
	id: CoreId;
	author: AccountId;
	t: string;
	seconds: number | null;
	people: AccountId[];
	/** Stamp of the end that counts. */
	ended: string;
}

interface EndedBody {
	call: CoreId;
	seconds: number;
	people: AccountId[];
}

export function foldCall(fact: Fact, rows: RowWriter): void {
	if (fact.body === null || fact.state === 'refused') {
		if (fact.kind === STARTED) rows.remove(CALL_ROW, fact.id);
		return;
	}
	if (fact.kind === STARTED) {
		const begun: CallRow = { id: fact.id, author: fact.by!, t: fact.t, seconds: null, people: [], ended: '' };
		rows.update<CallRow>(CALL_ROW, fact.id, (old) => old ?? begun, fact.t + fact.id);
	} else if (fact.kind === JOINED && fact.by) {
		const { call } = fact.body as { call: CoreId };
		const by = fact.by;
		rows.update<CallRow>(CALL_ROW, call, (old) => joined(old, by));
	} else if (fact.kind === ENDED) {
		const body = fact.body as unknown as EndedBody;
		rows.update<CallRow>(CALL_ROW, body.call, (old) => ended(old, body, fact.stamp));
	}
}

function joined(row: CallRow | undefined, account: AccountId): CallRow | undefined {
	if (!row || row.seconds !== null || row.people.includes(account)) return row;
	return { ...row, people: [...row.people, account] };
}

/** The longer end wins, of equally long ones the later. */
function ended(row: CallRow | undefined, end: EndedBody, stamp: string): CallRow | undefined {
	if (!row) return row;
	const held = row.seconds ?? -1;
	if (held > end.seconds || (held === end.seconds && row.ended >= stamp)) return row;
	return { ...row, seconds: end.seconds, people: end.people, ended: stamp };
}
