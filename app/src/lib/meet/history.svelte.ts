/** Calls of a space, for its conversation: what this browser has, what the provider says, what comes in. */
import { api, type Fact, type RowWriter, type SpaceId, type Sync } from '$lib/base';
import { CALL_ROW, foldCall, type CallRow } from './fold';

const LIMIT = 100;

export class History {
	/** In order, oldest first; those that ended with nobody in them are left out. */
	rows = $state.raw<readonly CallRow[]>([]);
	private readonly held = new Map<string, CallRow>();

	constructor(
		private readonly sync: Sync,
		private readonly space: SpaceId
	) {
		void this.load();
	}

	take(fact: Fact): void {
		foldCall(fact, this.writer);
		this.publish();
	}

	async load(): Promise<void> {
		for (const row of await this.sync.rows<CallRow>(this.space, CALL_ROW, { limit: LIMIT })) this.learn(row.value);
		this.publish();
		try {
			const { calls } = await api.get<{ calls: CallRow[] }>(`/api/spaces/${this.space}/calls`, { query: { limit: String(LIMIT) } });
			for (const call of calls) this.learn({ ...call, ended: call.seconds === null ? '' : (this.held.get(call.id)?.ended ?? '') });
			this.publish();
		} catch {
			// What is held stays.
		}
	}

	/** The row that knows more: over beats running. */
	private learn(row: CallRow): void {
		const held = this.held.get(row.id);
		if (!held || (row.seconds ?? -1) > (held.seconds ?? -1) || (row.seconds === held.seconds && row.people.length > held.people.length)) this.held.set(row.id, row);
	}

	private publish(): void {
		const shown = [...this.held.values()].filter((row) => row.seconds === null || row.people.length > 0);
		this.rows = shown.sort((first, second) => (first.t + first.id < second.t + second.id ? -1 : 1));
	}

	/** The fold writes here as it writes into the browser's store. */
	private readonly writer: RowWriter = {
		put: (_kind, id, _stamp, value) => void this.held.set(id, value as unknown as CallRow),
		update: (_kind, id, change) => {
			const changed = change(this.held.get(id) as never);
			if (changed === null) this.held.delete(id);
			else if (changed !== undefined) this.held.set(id, changed as unknown as CallRow);
		},
		remove: (_kind, id) => void this.held.delete(id),
		sweep: (_kind, goes) => {
			for (const [id, row] of this.held) if (goes(row as never)) this.held.delete(id);
		}
	};
}
