import { describe, expect, it } from 'vitest';
import { linesOf, GROUP_MS, withCalls, within } from './lines';
import { callRow, orderOf, rowOf, type Row } from './message';
import { dayName, nearDay } from './times';

const MORNING = new Date(2026, 10, 23, 8, 12).getTime();

function message(id: string, author: string, ms: number, extra: Partial<Row> = {}): Row {
	const t = ms.toString(16).padStart(12, '0') + '0000';
	const base = { id, channel: null, author, t, stamp: t, text: id, edited: false, withdrawn: false };
	const row = rowOf({ ...base, mentions: [], files: [], reply_to: null, reactions: [], kind: 'message' });
	return { ...row, ...extra };
}

const shape = (rows: Row[], unreadAfter: string | null = null) =>
	linesOf(rows, unreadAfter, 'anna').map((line) =>
		line.type === 'message' ? (line.leads ? line.row.id.toUpperCase() : line.row.id) : line.type
	);

describe('lines of a conversation', () => {
	it('groups what one author says within five minutes', () => {
		const rows = [message('a', 'ben', MORNING), message('b', 'ben', MORNING + GROUP_MS - 1), message('c', 'ben', MORNING + 3 * GROUP_MS)];
		expect(shape(rows)).toEqual(['day', 'A', 'b', 'C']);
	});

	it('tells at its place of what only a newer release can show', () => {
		const rows = [message('a', 'ben', MORNING), message('c', 'ben', MORNING + 2)];
		const at = (id: string, ms: number) => ({ id, t: ms.toString(16).padStart(12, '0') + '0000' });
		const beyond = [at('y', MORNING + 3), at('b', MORNING + 1), at('x', MORNING + 3)];
		const lines = linesOf(rows, null, 'anna', beyond);
		expect(lines.map((line) => line.key).slice(1)).toEqual(['a', 'beyond b', 'c', 'beyond x']);
		expect(lines.flatMap((line) => (line.type === 'beyond' ? [line.count] : []))).toEqual([1, 2]);
		expect(lines.flatMap((line) => (line.type === 'message' ? [line.leads] : []))).toEqual([true, true]);
		expect(within(beyond, rows, { start: false, end: false }).map((one) => one.id)).toEqual(['b']);
	});

	it('begins a group for another author, a reply and a call', () => {
		const rows = [
			message('a', 'ben', MORNING),
			message('b', 'anna', MORNING + 1),
			message('c', 'anna', MORNING + 2, { reply_to: 'a' }),
			message('d', 'anna', MORNING + 3, { kind: 'call' })
		];
		expect(shape(rows)).toEqual(['day', 'A', 'B', 'C', 'D']);
	});

	it('divides days, also when an author goes on past midnight', () => {
		const midnight = new Date(2026, 10, 24).getTime();
		expect(shape([message('a', 'ben', midnight - 1000), message('b', 'ben', midnight + 1000)])).toEqual(['day', 'A', 'day', 'B']);
	});

	it('marks the first unread message of somebody else, once', () => {
		const rows = [message('a', 'ben', MORNING), message('b', 'anna', MORNING + 1), message('c', 'ben', MORNING + 2), message('d', 'ben', MORNING + 3)];
		expect(shape(rows, orderOf(rows[0]!))).toEqual(['day', 'A', 'B', 'unread', 'C', 'd']);
		expect(shape(rows, orderOf(rows[3]!))).toEqual(['day', 'A', 'B', 'C', 'd']);
	});
});

describe('names of days', () => {
	it('says the weekday and the date, and the year when it is another', () => {
		expect(dayName(MORNING, MORNING, 'de')).toBe('Montag, 23. November');
		expect(dayName(new Date(2025, 0, 2).getTime(), MORNING, 'de')).toBe('Donnerstag, 2. Januar 2025');
	});

	it('knows today and yesterday, also across a change of clocks', () => {
		expect(nearDay(MORNING, MORNING)).toBe('today');
		expect(nearDay(new Date(2026, 9, 25, 0, 30).getTime(), new Date(2026, 9, 26, 0, 30).getTime())).toBe('yesterday');
		expect(nearDay(new Date(2026, 10, 21, 23).getTime(), MORNING)).toBeNull();
	});
});

describe('calls between messages', () => {
	const rows = [message('b', 'ben', MORNING), message('d', 'ben', MORNING + 20)];
	const call = (id: string, ms: number) => callRow({ id, author: 'ben', t: ms.toString(16).padStart(12, '0') + '0000', seconds: 60, people: [] });
	const calls = [call('a', MORNING - 10), call('c', MORNING + 10), call('e', MORNING + 30)];
	const shown = (start: boolean, end: boolean) => withCalls(rows, calls, { start, end }).map((row) => row.id);

	it('stand in their place, and only where the stretch that is held reaches', () => {
		expect(shown(true, true)).toEqual(['a', 'b', 'c', 'd', 'e']);
		expect(shown(false, true)).toEqual(['b', 'c', 'd', 'e']);
		expect(shown(true, false)).toEqual(['a', 'b', 'c', 'd']);
		expect(withCalls([], calls, { start: true, end: true }).length).toBe(3);
		expect(withCalls([], calls, { start: false, end: true })).toEqual([]);
	});
});
