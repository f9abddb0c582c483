/** Turns rows into what the list shows: days, the unread line, and messages grouped by author. */
import { millisecondsOf, orderOf, type Row } from './message';
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

function continues(before: Row, row: Row): boolean {
	return (
		before.author === row.author &&
		before.kind === row.kind &&
		row.kind === 'message' &&
		row.reply_to === null &&
		millisecondsOf(row.t) - millisecondsOf(before.t) < GROUP_MS
	);
}
