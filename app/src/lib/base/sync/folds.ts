/** Who folds which kind; runs folds over facts and collects what they write. */
import { RowCollector, type RowOp } from '../store';
import type { Fact, Fold } from '../types';

export class Folds {
	readonly #folds = new Map<string, Set<Fold>>();

	/** Returns what takes the fold away again. */
	on(kinds: string | readonly string[], fold: Fold): () => void {
		const list = typeof kinds === 'string' ? [kinds] : kinds;
		for (const kind of list) {
			const folds = this.#folds.get(kind) ?? new Set();
			this.#folds.set(kind, folds.add(fold));
		}
		return () => list.forEach((kind) => this.#folds.get(kind)?.delete(fold));
	}

	has(kind: string): boolean {
		return (this.#folds.get(kind)?.size ?? 0) > 0;
	}

	/** What the folds want to write. A fold that fails is reported and does not hold up the others. */
	run(fact: Fact): RowOp[] {
		const rows = new RowCollector(fact.space);
		for (const fold of this.#folds.get(fact.kind) ?? []) {
			try {
				fold(fact, rows);
			} catch (error) {
				console.error(`the fold of ${fact.kind} failed`, error);
			}
		}
		return rows.ops;
	}
}
