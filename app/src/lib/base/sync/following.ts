/** Which spaces this connection follows, and from where: what is held, or anew when too much was missed. */
import type { Live } from '../live';
import { forgetPictures } from '../shell/pictures';
import type { Store } from '../store';
import type { SpaceId, Vector } from '../types';
import type { Intake } from './intake';

/** Behind by more entries than this, a space is loaded anew instead of being caught up. */
export const RESUME_MAX = 2_000;

export class Following {
	readonly #followed = new Set<SpaceId>();
	readonly #extra = new Map<SpaceId, Vector | undefined>();

	constructor(
		private readonly store: Store,
		private readonly intake: Intake,
		private readonly live: Live,
		private readonly reset: (space: SpaceId) => void
	) {}

	/** Follow a space that is not among the person's own. */
	add(space: SpaceId, from: Vector | undefined): Promise<void> {
		this.#extra.set(space, from);
		return this.follow([[space, from]]);
	}

	remove(space: SpaceId): void {
		this.#extra.delete(space);
		this.#followed.delete(space);
		this.live.send({ f: 'unfollow', s: [space] });
		this.intake.close(space);
	}

	/** The connection is gone; the next one begins with nothing. */
	lost(): void {
		this.#followed.clear();
	}

	/** Go on at once with what was open before. */
	resume(): Promise<void> {
		return this.follow([...this.#extra, ...this.intake.spaces().map((space) => [space, undefined] as const)]);
	}

	/** Ask once more for what a gap has shown to be missing. */
	again(space: SpaceId): Promise<void> {
		this.#followed.delete(space);
		return this.follow([[space, undefined]]);
	}

	/** `(space, where the provider stands)`. */
	async follow(spaces: readonly (readonly [SpaceId, Vector | undefined])[]): Promise<void> {
		const wanted: Record<SpaceId, Vector> = {};
		for (const [space, told] of spaces) {
			if (this.#followed.has(space)) continue;
			const held = await this.intake.open(space, told);
			wanted[space] = behind(held, told) > RESUME_MAX ? await this.#anew(space, told!) : this.intake.from(space);
		}
		const names = Object.keys(wanted) as SpaceId[];
		if (names.length > 0 && this.live.send({ f: 'follow', s: wanted })) for (const name of names) this.#followed.add(name);
	}

	/** The person is no longer there: nothing of the space stays here. */
	async leave(space: SpaceId): Promise<void> {
		this.#extra.delete(space);
		this.#followed.delete(space);
		this.intake.close(space);
		await this.store.forget(space).catch(() => undefined);
		await forgetPictures(space).catch(() => undefined);
		this.reset(space);
	}

	async #anew(space: SpaceId, vector: Vector): Promise<Vector> {
		this.intake.close(space);
		await this.store.forget(space).catch(() => undefined);
		const from = await this.intake.open(space, vector);
		this.reset(space);
		return from;
	}
}

function behind(held: Vector, told: Vector | undefined): number {
	return Object.entries(told ?? {}).reduce((sum, [key, seq]) => sum + Math.max(0, seq - (held[key] ?? 0)), 0);
}
