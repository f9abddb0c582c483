/**
 * What this tab saw others write and what fewer providers hold than the space demands, as far as is known. Should the
 * provider that had it be gone, and its author too, whoever saw it gives it to the one that stands in: what people read
 * stays. In memory only, a few hundred facts at most.
 *
 * A provider is given what belongs to a space once it has answered for that space.
 */
import { SETTLED } from '../entry';
import type { CoreId, Entry, Parcel, SpaceId, Vector } from '../types';

export const SEEN_MAX = 256;
/** A file goes where its author's browser takes it; without it a fact that names it would be refused. */
const BLOBS_NAMED = '"blobs":["';

interface Held {
	space: SpaceId;
	id: CoreId;
	sub: string;
	n: number;
	parcel: Parcel;
}

export class Seen {
	#held: Held[] = [];
	readonly #safe = new Map<SpaceId, Record<string, number>>();
	/** Spaces of which the provider that stands in was given nothing yet. */
	#owed = new Set<SpaceId>();

	add(space: SpaceId, { id, p, i, n, x, c, s, sa, b }: Entry): void {
		const sub = `${p}.${i}`;
		if (x !== SETTLED || b === null || b.includes(BLOBS_NAMED) || n <= (this.#safe.get(space)?.[sub] ?? 0)) return;
		this.#held.push({ space, id, sub, n, parcel: { c, s, sa, b } });
		if (this.#held.length > SEEN_MAX) this.#held.shift();
	}

	/** Words that were taken back or erased are given to nobody: of one fact, or of all of a space. */
	forget(space: SpaceId, id?: CoreId): void {
		this.#held = this.#held.filter((one) => one.space !== space || (id !== undefined && one.id !== id));
	}

	/** Another provider stands in. */
	moved(): void {
		this.#owed = new Set(this.#held.map((one) => one.space));
	}

	/** So far enough providers have this space. */
	safe(space: SpaceId, vector: Vector): void {
		const safe = this.#safe.get(space) ?? {};
		for (const [sub, n] of Object.entries(vector)) safe[sub] = Math.max(n, safe[sub] ?? 0);
		this.#safe.set(space, safe);
		this.#held = this.#held.filter((one) => one.space !== space || one.n > (safe[one.sub] ?? 0));
	}

	/** The provider that stands in has this space. What to give it, in the order in which it was seen. */
	owed(space: SpaceId): Parcel[] {
		if (!this.#owed.delete(space)) return [];
		return this.#held.filter((one) => one.space === space).map((one) => one.parcel);
	}

	/** It did not arrive: the provider is given it when it has answered for the space again. */
	owe(space: SpaceId): void {
		this.#owed.add(space);
	}
}
