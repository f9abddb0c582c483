import { describe, expect, it } from 'vitest';
import { EDITED, POSTED, REACTION_SET, WITHDRAWN, type ChatFact } from './fold';
import type { Message } from './message';
import { IN_FLIGHT_MAX, MessageWindow } from './window';

let ds = 0;
const stampOf = (core: { t: string; dev: string; ds: number }) => core.t + core.dev + String(core.ds).padStart(8, '0');
const tick = (at: number) => at.toString(16).padStart(12, '0') + '0000';

function fact(id: string, kind: string, author: string, at: number, body: object): ChatFact {
	ds += 1;
	return { id, kind, author, t: tick(at), stamp: stampOf({ t: tick(at), dev: author, ds }), at: null, body };
}

const posted = (id: string, at: number, author = 'ben') =>
	fact(id, POSTED, author, at, { channel: null, text: id, mentions: [], files: [], reply_to: null, blobs: [] });
const edited = (message: string, at: number, text: string, author = 'ben') =>
	fact(`${message}-edit-${at}`, EDITED, author, at, { message, text, mentions: [] });
const withdrawn = (message: string, at: number, author = 'ben') => fact(`${message}-gone`, WITHDRAWN, author, at, { message });
const reacted = (message: string, at: number, on: boolean, author = 'anna') =>
	fact(`${message}-${author}-${at}`, REACTION_SET, author, at, { message, emoji: '👍', on });

function message(id: string, at: number, extra: Partial<Message> = {}): Message {
	const base = { id, channel: null, author: 'ben', t: tick(at), stamp: stampOf({ t: tick(at), dev: 'ben', ds: 1 }) };
	return { ...base, text: id, edited: false, withdrawn: false, mentions: [], files: [], reply_to: null, reactions: [], kind: 'message', ...extra };
}

function answer(messages: Message[], more: { before?: boolean; after?: boolean } = {}) {
	return { messages, more_before: more.before ?? false, more_after: more.after ?? false };
}

function opened(messages: Message[], more = {}, rowsMax?: number): MessageWindow {
	const window = new MessageWindow(null, rowsMax);
	window.absorb(answer(messages, more), 'whole');
	return window;
}

const ids = (window: MessageWindow) => window.rows.map((row) => row.id);

describe('facts that arrive', () => {
	it('stand in the order of their time, not of their arrival', () => {
		const window = opened([message('b', 20)]);
		window.apply(posted('c', 30));
		window.apply(posted('a', 10));
		expect(ids(window)).toEqual(['a', 'b', 'c']);
	});

	it('change nothing that is not held', () => {
		const window = opened([message('b', 20)], { before: true });
		expect(window.apply(edited('a', 30, 'neu'))).toBe(false);
		expect(window.apply(posted('a', 10))).toBe(true);
		expect(ids(window)).toEqual(['b']);
	});

	it('of another channel stay away', () => {
		const window = opened([]);
		const other = fact('x', POSTED, 'ben', 5, { channel: 'montage', text: '', mentions: [], files: [], reply_to: null });
		window.apply(other);
		expect(ids(window)).toEqual([]);
	});

	it('are counted while the window does not reach the newest', () => {
		const window = opened([message('a', 10)], { after: true });
		window.apply(posted('c', 30));
		expect([ids(window), window.missed]).toEqual([['a'], 1]);
	});

	it('let only the author edit and withdraw', () => {
		const window = opened([message('a', 10)]);
		window.apply(edited('a', 20, 'fremd', 'anna'));
		window.apply(withdrawn('a', 30, 'anna'));
		expect(window.get('a')).toMatchObject({ text: 'a', edited: false, withdrawn: false });
		window.apply(withdrawn('a', 40));
		window.apply(edited('a', 50, 'zurück'));
		expect(window.get('a')).toMatchObject({ text: '', withdrawn: true });
	});
});

describe('withdrawals', () => {
	it('by a moderator count, those by others do not', () => {
		const window = opened([message('a', 10), message('b', 20)]);
		window.apply(fact('x', WITHDRAWN, 'anna', 30, { message: 'a', channel: null, by: 'moderator' }));
		window.apply(fact('y', WITHDRAWN, 'anna', 30, { message: 'b', channel: null, by: 'author' }));
		expect([window.get('a')!.withdrawn, window.get('b')!.withdrawn]).toEqual([true, false]);
	});

	it('leave a tombstone where the text was erased before it came', () => {
		const window = opened([]);
		window.apply({ ...posted('a', 10), body: null });
		expect(ids(window)).toEqual([]);
		window.apply(withdrawn('a', 20));
		expect(window.get('a')).toMatchObject({ withdrawn: true, text: '', author: 'ben', t: tick(10) });
	});
});

describe('answers', () => {
	it('do not undo what arrived while they were under way', () => {
		const window = opened([message('a', 10)]);
		window.awaitAnswer();
		window.apply(edited('a', 20, 'neu'));
		window.apply(reacted('a', 21, true));
		window.apply(posted('b', 22));
		window.absorb(answer([message('a', 10)]), 'whole');
		expect(ids(window)).toEqual(['a', 'b']);
		expect(window.get('a')).toMatchObject({ text: 'neu', reactions: [{ emoji: '👍', accounts: ['anna'] }] });
	});

	it('bring what this browser missed', () => {
		const window = opened([message('a', 10)]);
		window.awaitAnswer();
		window.absorb(answer([message('a', 10, { text: 'geändert', edited: true, stamp: stampOf({ t: tick(50), dev: 'ben', ds: 9 }) })]), 'whole');
		expect(window.get('a')).toMatchObject({ text: 'geändert', edited: true });
	});

	it('keep what is only on this device, also when it was refused', () => {
		const window = opened([message('a', 10)]);
		window.apply(posted('mine', 99, 'anna'), 'pending');
		window.settle('mine', 'refused', 'Zu lang.');
		window.absorb(answer([message('a', 10), message('b', 20)]), 'whole');
		expect(window.get('mine')).toMatchObject({ delivery: 'refused', refusal: 'Zu lang.' });
		expect(window.discard('mine')).toBe(true);
		expect(ids(window)).toEqual(['a', 'b']);
	});

	it('are asked for again when too much arrived meanwhile', () => {
		const window = opened([message('a', 10)]);
		window.awaitAnswer();
		for (let at = 0; at <= IN_FLIGHT_MAX; at += 1) window.apply(reacted('a', at, at % 2 === 0));
		expect(window.absorb(answer([message('a', 10)]), 'whole')).toBe(false);
	});
});

describe('bounds', () => {
	const many = (from: number, to: number) => Array.from({ length: to - from }, (_, step) => message(`m${from + step}`, from + step));

	it('drops the newest when older ones are loaded, and says so', () => {
		const window = opened(many(50, 100), { before: true }, 60);
		window.absorb(answer(many(0, 50), { before: false }), 'before');
		expect([window.rows.length, window.rows[0]!.id, window.moreBefore, window.moreAfter]).toEqual([60, 'm0', false, true]);
	});

	it('keeps only the newest when it rests, unless they are not held', () => {
		const window = opened(many(0, 60), { before: false }, 60);
		expect(window.keepNewest(50)).toBe(true);
		expect([window.rows.length, window.rows[0]!.id, window.moreBefore]).toEqual([50, 'm10', true]);
		expect(opened(many(0, 60), { after: true }, 60).keepNewest(50)).toBe(false);
	});

	it('drops the oldest as messages arrive', () => {
		const window = opened(many(0, 60), {}, 60);
		window.apply(posted('new', 1000));
		expect([window.rows.length, window.rows[0]!.id, window.moreBefore]).toEqual([60, 'm1', true]);
	});

	it('drops the newest as messages arrive while somebody reads further up', () => {
		const window = opened(many(0, 60), {}, 60);
		window.readsOlder = true;
		window.apply(posted('new', 1000));
		expect([window.rows[0]!.id, window.rows.length, window.moreAfter]).toEqual(['m0', 60, true]);
	});
});

it('delivery follows a message until it needs no mark', () => {
	const window = opened([]);
	window.apply(posted('mine', 5, 'anna'), 'pending');
	expect(window.get('mine')!.delivery).toBe('pending');
	window.settle('mine', 'accepted');
	expect(window.get('mine')!.delivery).toBe('accepted');
	window.apply(posted('mine', 5, 'anna'));
	expect(window.get('mine')!.delivery).toBeNull();
});
