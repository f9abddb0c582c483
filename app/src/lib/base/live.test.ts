/** Which provider serves: the own one first, another when it does not answer, and nobody for a slow network. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Live, type LiveOptions } from './live';
import { eventually } from './testing/eventually';
import { Provider } from './testing/provider';
import { STANDBY_AFTER_MS, WELL_MS } from './standby';
import type { Host, ProviderId } from './types';

const SUEDNETZ: Host = { provider: 'S' as ProviderId, name: 'Südnetz', url: 'https://suednetz.example' };

const STEP_MS = 100;
const TURNS = 10;

let werkhof: Provider;
let suednetz: Provider;
let live: Live;
let told: (string | null)[];

beforeEach(async () => {
	vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], shouldAdvanceTime: true, advanceTimeDelta: 20 });
	werkhof = new Provider();
	suednetz = new Provider();
	await Promise.all([werkhof.listen(), suednetz.listen()]);
	told = [];
});

afterEach(async () => {
	live.stop();
	vi.useRealTimers();
	await Promise.all([werkhof.close(), suednetz.close()]);
});

const socketTo = (provider: Provider) => new WebSocket(`ws://127.0.0.1:${provider.port}/live`) as never;

async function connects(options: LiveOptions = {}): Promise<void> {
	live = new Live({
		open: () => socketTo(werkhof), others: () => [SUEDNETZ], openAt: async () => socketTo(suednetz), random: () => 0, ...options
	});
	live.onHost = (host) => told.push(host?.name ?? null);
	live.start();
	await eventually(() => live.state).toBe('online');
}

/** Time passes in steps that leave the sockets room to answer. */
async function passes(ms: number): Promise<void> {
	for (let left = ms; left > 0; left -= STEP_MS) {
		await vi.advanceTimersByTimeAsync(STEP_MS);
		for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
	}
}
const at = () => [werkhof.connections, suednetz.connections];

describe('the connection', () => {
	it('is to the own provider, and the other one is not even asked', async () => {
		await connects();
		expect([told, ...at()]).toEqual([[], 1, 0]);
	});

	it('is to the other one when the own one is gone; what was on its way fails, so that it is sent again', async () => {
		await connects();
		werkhof.isSilent = true;
		const sent = live.submit([]).catch((error: Error) => error.name);
		await werkhof.close();
		expect(await sent).toBe('Refusal');
		await eventually(() => told).toEqual(['Südnetz']);
		await eventually(() => live.state).toBe('online');
		expect(await live.submit([])).toEqual([]);
	});

	it('begins at the other one when the own one does not say hello', async () => {
		await connects({ open: () => new WebSocket('ws://127.0.0.1:9/live') as never });
		expect(told).toEqual(['Südnetz']);
	});

	it('leaves a provider that falls silent, and one that is only slow stays', async () => {
		await connects();
		await passes(3_000);
		expect(told).toEqual([]);
		werkhof.freeze();
		await passes(4_000);
		await eventually(() => told).toEqual(['Südnetz']);
	});

	it('stays with a provider that speaks again before the other one has said hello', async () => {
		let opened = (): void => {};
		const opening = new Promise<void>((resolve) => (opened = resolve));
		await connects({ openAt: async () => (await opening, socketTo(suednetz)) });
		werkhof.freeze();
		await passes(2_500);
		werkhof.thaw();
		werkhof.say({ f: 'spaces' });
		await passes(100);
		opened();
		await passes(3_000);
		expect([told, live.state]).toEqual([[], 'online']);
	});

	it('stays where it is when nobody answers: the network is away, not the provider', async () => {
		await connects();
		werkhof.freeze();
		suednetz.freeze();
		await passes(3_000);
		expect(told).toEqual([]);
	});

	it('has a second one ready after a while, and takes that at once', async () => {
		await connects({ openAt: vi.fn(async () => socketTo(suednetz)) });
		await passes(STANDBY_AFTER_MS);
		await eventually(at).toEqual([1, 1]);
		werkhof.cut();
		await eventually(() => told).toEqual(['Südnetz']);
		expect(at()[1]).toBe(1);
	});

	it('goes home when home has been well for a while, and not before', async () => {
		await connects();
		const { port } = werkhof;
		await werkhof.close();
		await eventually(() => told).toEqual(['Südnetz']);
		werkhof = new Provider();
		await werkhof.listen(port);
		await passes(STANDBY_AFTER_MS / 2 + WELL_MS / 2);
		expect(told).toEqual(['Südnetz']);
		await passes(WELL_MS);
		await eventually(() => told).toEqual(['Südnetz', null]);
		expect(live.state).toBe('online');
	});

	it('never signs anybody out because the other provider says so', async () => {
		await connects();
		await werkhof.close();
		await eventually(() => told).toEqual(['Südnetz']);
		suednetz.say({ f: 'bye', code: 'accounts.signed_out' });
		await passes(1_000);
		expect(live.state).not.toBe('signed_out');
	});

	it('ends when the own provider says that the session is over', async () => {
		await connects();
		werkhof.say({ f: 'bye', code: 'accounts.signed_out' });
		await eventually(() => live.state).toBe('signed_out');
		await passes(5_000);
		expect(at()).toEqual([0, 0]);
	});
});
