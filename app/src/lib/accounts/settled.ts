/** Facts whose author wants to know at once whether a provider took them: invitations, roles, leaving. */
import { ApiError, Offline, type CoreId, type Fact, type JsonObject, type SpaceId, type Sync } from '$lib/base';

/** Longer than an answer takes, shorter than patience. The fact itself goes on waiting in the outbox. */
const SETTLE_MS = 12_000;

interface Options {
	re?: readonly CoreId[];
	ah?: readonly CoreId[];
	derived?: boolean;
}

/** Post a fact and wait until it counts. Raises the provider's refusal as ApiError, Offline while nobody answers. */
export async function postSettled(sync: Sync, space: SpaceId | null, kind: string, body: JsonObject, options: Options = {}): Promise<CoreId> {
	const told = new Map<string, Fact>();
	let wake: () => void = () => undefined;
	const off = sync.on(kind, (fact) => {
		if (fact.state === 'pending' && !fact.replaces) return;
		told.set(fact.replaces ?? fact.id, fact);
		wake();
	});
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Offline('no answer yet')), SETTLE_MS)));
	try {
		let id = await sync.post(space, kind, body, options);
		for (;;) {
			const fact = told.get(id);
			told.delete(id);
			// Its number was lost and it was numbered anew: the same intent under another id.
			if (fact && fact.id !== id) id = fact.id;
			else if (fact?.state === 'refused') {
				await sync.discard(id);
				throw new ApiError(fact.code ?? 'log.refused', 409, fact.detail ?? fact.code ?? '');
			} else if (fact) return id;
			else await Promise.race([new Promise<void>((resolve) => (wake = resolve)), late]);
		}
	} finally {
		clearTimeout(timer);
		late.catch(() => undefined);
		off();
	}
}
