/** Calls in this tab: which ones run in my spaces, which one I am in, who rings. */
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { CoreId, Fact, ProviderId, SpaceId, Sync } from '$lib/base';
import type { Call } from './call.svelte';
import type { Choice } from './devices';
import { CALL_KINDS, foldCall, MOVED } from './fold';
import { History } from './history.svelte';
import type { Label, RunningCall } from './wire';

/** Conversations whose calls stay in memory. */
const HISTORIES_MAX = 12;

/** Media is part of no first load. */
const loadCall = () => import('./call.svelte');

let current: Meet | null = null;

/** Called once by the shell, before any space is followed. */
export function startMeet(sync: Sync): Meet {
	current = new Meet(sync);
	return current;
}

export function useMeet(): Meet {
	if (!current) throw new Error('startMeet comes first');
	return current;
}

export class Meet {
	/** space → the call that runs there. */
	readonly running = new SvelteMap<SpaceId, RunningCall>();
	/** The call of this tab. */
	call = $state.raw<Call | null>(null);
	/** This provider can do calls. */
	available = $state(false);
	/** The provider was asked whether it can. */
	asked = $state(false);
	private readonly histories = new Map<SpaceId, History>();
	/** call → the stamp of its last move. */
	private readonly moves = new Map<CoreId, string>();
	/** Calls that the person does not want to hear of any more. */
	private readonly dismissed = new SvelteSet<string>();

	constructor(readonly sync: Sync) {
		sync.on([...CALL_KINDS], (fact, rows) => {
			foldCall(fact, rows);
			this.histories.get(fact.space)?.take(fact);
			if (fact.kind === MOVED) this.moved(fact);
		});
		sync.onSignal('meet.people', (signal) => this.take(signal.data as RunningCall));
		sync.onOnline(() => void this.refresh());
		globalThis.addEventListener?.('pagehide', () => this.call?.bye());
	}

	/** The running call of a space, if somebody is in it. */
	of(space: SpaceId): RunningCall | null {
		return this.running.get(space) ?? null;
	}

	/** Calls in which nobody of mine is and that I have not waved away: the newest first. */
	get ringing(): RunningCall[] {
		const me = this.sync.me.account.id;
		return [...this.running.values()]
			.filter((one) => !this.dismissed.has(keyOf(one)) && !one.people.some((person) => person.account === me))
			.sort((first, second) => second.started_at - first.started_at);
	}

	/** The calls that were, and the one that is, for the space's conversation. */
	history(space: SpaceId): History {
		const held = this.histories.get(space) ?? new History(this.sync, space);
		this.histories.delete(space);
		this.histories.set(space, held);
		if (this.histories.size > HISTORIES_MAX) this.histories.delete(this.histories.keys().next().value!);
		return held;
	}

	dismiss(call: RunningCall): void {
		this.dismissed.add(keyOf(call));
	}

	/** Somebody is about to join: what a call needs is loaded meanwhile. */
	prepare(): void {
		void loadCall().catch(() => undefined);
	}

	/** Into the call of the space, out of any other; the tracks are the call's from here on. Rejects with the server's refusal. */
	async join(space: SpaceId, tracks: Partial<Record<Label, MediaStreamTrack | null>>, choice: Choice): Promise<void> {
		await this.call?.leave();
		const { Call } = await loadCall().catch((error: unknown) => {
			for (const track of Object.values(tracks)) track?.stop();
			throw error;
		});
		const show = (room: RunningCall): void => this.show(room);
		const call = new Call(this.sync, space, this.of(space), show, () => {
			if (this.call === call) this.call = null;
			void this.refresh();
		});
		this.call = call;
		await call.join(tracks, choice);
	}

	/** Of the call that I am in, the provider where it is tells me itself. */
	private take(room: RunningCall): void {
		if (this.call?.space !== room.space || !this.call.me) this.show(room);
	}

	private show(room: RunningCall): void {
		if (room.people.length) this.running.set(room.space, room);
		else this.running.delete(room.space);
	}

	/** The latest word counts; an older one may come later. */
	private moved(fact: Fact): void {
		const { call, to } = (fact.body ?? {}) as { call?: CoreId; to?: ProviderId };
		if (!call || !to || fact.state !== 'accepted' || fact.stamp <= (this.moves.get(call) ?? '')) return;
		this.moves.set(call, fact.stamp);
		if (this.call?.space === fact.space) this.call.takeMove(call, to);
	}

	private async refresh(): Promise<void> {
		try {
			const { available, calls } = await this.sync.call<{ available: boolean; calls: RunningCall[] }>('meet.calls', {});
			this.available = available;
			this.asked = true;
			const alive = new Set(calls.map((one) => one.space));
			const own = this.call?.me ? this.call.space : null;
			for (const space of [...this.running.keys()]) if (!alive.has(space) && space !== own) this.running.delete(space);
			for (const one of calls) this.take(one);
		} catch {
			// The next connection asks again.
		}
	}
}

const keyOf = (call: RunningCall) => `${call.space}/${call.started_at}`;
