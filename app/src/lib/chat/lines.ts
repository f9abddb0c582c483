/** Turns rows into what the list shows: days, the unread line, and messages grouped by author. */
import { compareOrder, millisecondsOf, orderOf, type Row } from './message';
import { dayKey } from './times';

export const GROUP_MS = 5 * 60_000;

export type Line =
	| { type: 'day'; key: string; ms: number }
	| { type: 'unread'; key: 'unread' }
	| { type: 'message'; key: string; row: Row; leads: boolean };

/**
 * Rows in order → lines. `unreadAfter` is the order of the last message that was read (null: no line).
 * A message leads a group when its author, its day or its kind changes, or after `GROUP_MS`.
 */
export function linesOf(rows: readonly Row[], unreadAfter: string | null, me: string): Line[] {
	const lines: Line[] = [];
	let before: Row | null = null;
	let marked = unreadAfter === null;
	for (const row of rows) {
		const ms = millisecondsOf(row.t);
		const newDay = before === null || dayKey(millisecondsOf(before.t)) !== dayKey(ms);
		if (newDay) lines.push({ type: 'day', key: dayKey(ms), ms });
		const firstUnread: boolean = !marked && row.author !== me && orderOf(row) > unreadAfter!;
		if (firstUnread) {
			lines.push({ type: 'unread', key: 'unread' });
			marked = true;
		}
		const leads = newDay || firstUnread || before === null || !continues(before, row);
		lines.push({ type: 'message', key: row.id, row, leads });
		before = row;
	}
	return lines;
}

/** Messages with the calls that belong between them. Those outside the stretch that is held wait until it reaches them. */
export function withCalls(rows: readonly Row[], calls: readonly Row[], complete: { start: boolean; end: boolean }): Row[] {
	const first = rows[0];
	const last = rows[rows.length - 1];
	const within = calls.filter(
		(call) => (complete.start || (first !== undefined && compareOrder(call, first) > 0)) && (complete.end || (last !== undefined && compareOrder(call, last) < 0))
	);
	return within.length === 0 ? [...rows] : [...rows, ...within].sort(compareOrder);
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
