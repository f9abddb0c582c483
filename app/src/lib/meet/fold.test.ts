import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccountId, CoreId, DeviceId, Fact, RowWriter, SpaceId } from '$lib/base';
import { CALL_ROW, ENDED, foldCall, JOINED, STARTED, type CallRow } from './fold';

const CALL = 'call' as CoreId;

class Rows implements RowWriter {
	readonly held = new Map<string, CallRow>();

	put<Value>(kind: string, id: string, _stamp: string, value: Value): void {
		this.held.set(`${kind}/${id}`, value as unknown as CallRow);
	}

	update<Value>(kind: string, id: string, change: (old: Value | undefined) => Value | null | undefined): void {
		const changed = change(this.held.get(`${kind}/${id}`) as Value | undefined);
		if (changed === null) this.remove(kind, id);
		else if (changed !== undefined) this.put(kind, id, '', changed);
	}

	remove(kind: string, id: string): void {
		this.held.delete(`${kind}/${id}`);
	}

	sweep<Value>(_kind: string, goes: (value: Value) => boolean): void {
		for (const [key, row] of this.held) if (goes(row as unknown as Value)) this.held.delete(key);
	}

	get call(): CallRow | undefined {
		return this.held.get(`${CALL_ROW}/${CALL}`);
	}
}

function fact(kind: string, number: number, body: Fact['body'], by: string | null, id = `fact-${number}`): Fact {
	const t = number.toString(16).padStart(16, '0');
	return {
		id: id as CoreId, space: 'space' as SpaceId, dev: 'dev' as DeviceId, ds: number, t, stamp: `${t}dev`, kind, body, re: [],
		by: by as AccountId | null, at: number, position: number, state: 'accepted'
	};
}

const started = fact(STARTED, 1, { call: 'nonce' }, 'anna', CALL);
const later = [
	fact(JOINED, 2, { call: CALL }, 'anna'),
	fact(JOINED, 3, { call: CALL }, 'ben'),
	fact(JOINED, 4, { call: CALL }, 'ben'),
	fact(ENDED, 5, { call: CALL, seconds: 60, people: ['anna', 'ben'] }, null),
	fact(ENDED, 6, { call: CALL, seconds: 10, people: ['anna'] }, null)
];

describe('calls', () => {
	it('end the same in every order', () => {
		fc.assert(
			fc.property(fc.shuffledSubarray(later, { minLength: later.length }), (order) => {
				const rows = new Rows();
				for (const one of [started, ...order, ...order]) foldCall(one, rows);
				expect(rows.call).toMatchObject({ seconds: 60, people: ['anna', 'ben'], author: 'anna' });
			})
		);
	});

	it('name who is in while they run', () => {
		const rows = new Rows();
		for (const one of [started, ...later.slice(0, 3)]) foldCall(one, rows);
		expect(rows.call).toMatchObject({ seconds: null, people: ['anna', 'ben'] });
	});

	it('vanish when the provider refuses their beginning', () => {
		const rows = new Rows();
		foldCall({ ...started, state: 'pending' }, rows);
		foldCall({ ...started, state: 'refused' }, rows);
		expect(rows.call).toBeUndefined();
	});
});
