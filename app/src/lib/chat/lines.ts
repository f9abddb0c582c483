/** Turns rows into what the list shows: days, the unread line, and messages grouped by author. */
import { compareOrder, millisecondsOf, orderOf, type Row } from './message';
import { dayKey } from './times';

export const GROUP_MS = 5 * 60_000;

/** Something that has a place among the messages. */
export interface Placed {
	id: string;
	t: string;
}

export type Line =
	| { type: 'day'; key: string; ms: number }
	| { type: 'unread'; key: 'unread' }
	/** Something stands here that only a newer release can show: `count` of them, one after another. */
	| { type: 'beyond'; key: string; count: number }
	| { type: 'message'; key: string; row: Row; leads: boolean };

/**
 * Rows in order → lines. `unreadAfter` is the order of the last message that was read (null: no line).
 * A message leads a group when its author, its day or its kind changes, or after `GROUP_MS`.
 */
export function linesOf(rows: readonly Row[], unreadAfter: string | null, me: string, beyond: readonly Placed[] = []): Line[] {
	const lines: Line[] = [];
	const waiting = [...beyond].sort(compareOrder);
	const passed = (row: Row | null): boolean => {
		const found = waiting.splice(0, row === null ? waiting.length : waiting.filter((one) => compareOrder(one, row) < 0).length);
		if (found.length > 0) lines.push({ type: 'beyond', key: `beyond ${found[0]!.id}`, count: found.length });
		return found.length > 0;
	};
	let before: Row | null = null;
	let marked = unreadAfter === null;
	for (const row of rows) {
		const ms = millisecondsOf(row.t);
		const afterBeyond = passed(row);
		const newDay = before === null || dayKey(millisecondsOf(before.t)) !== dayKey(ms);
		if (newDay) lines.push({ type: 'day', key: dayKey(ms), ms });
		const firstUnread: boolean = !marked && row.author !== me && orderOf(row) > unreadAfter!;
		if (firstUnread) {
			lines.push({ type: 'unread', key: 'unread' });
			marked = true;
		}
		const leads = newDay || firstUnread || afterBeyond || before === null || !continues(before, row);
		lines.push({ type: 'message', key: row.id, row, leads });
		before = row;
	}
	passed(null);
	return lines;
}

/** What stands within the stretch that is held. */
export function within<One extends Placed>(some: Iterable<One>, rows: readonly Row[], complete: { start: boolean; end: boolean }): One[] {
	const first = rows[0];
	const last = rows[rows.length - 1];
	return [...some].filter(
		(one) => (complete.start || (first !== undefined && compareOrder(one, first) > 0)) && (complete.end || (last !== undefined && compareOrder(one, last) < 0))
	);
}

/** Messages with the calls that belong between them. Those outside the stretch that is held wait until it reaches them. */
export function withCalls(rows: readonly Row[], calls: readonly Row[], complete: { start: boolean; end: boolean }): Row[] {
	const held = within(calls, rows, complete);
	return held.length === 0 ? [...rows] : [...rows, ...held].sort(compareOrder);
}

function continues(before: Row, row: Row): boolean {
	return (
		before.author === row.author &&
		before.kind === row.kind &&
		row.kind === 'message' &&
		row.reply_to === null &&
		millisecondsOf(row.t) - millisecondsOf(before.t) < GROUP_MS
	);
}
