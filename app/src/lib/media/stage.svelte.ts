/** What is being watched, wherever one walks: full on its own page, docked and small elsewhere. Module-level state. */
import type { Film } from './types';

class Stage {
	film = $state<Film | null>(null);
	/** Where to begin, in seconds; null = where the person left. */
	start = $state<number | null>(null);
	/** The player's own page is open. */
	full = $state(false);
	playing = $state(false);
	/** Counts openings: the same film opened again begins anew. */
	turn = $state(0);

	/** Play a film; the one that plays goes on when it is the same. */
	open(film: Film, start: number | null = null): void {
		if (this.film?.id === film.id && start === null) return;
		this.film = film;
		this.start = start;
		this.turn++;
	}

	close(): void {
		this.film = null;
		this.playing = false;
	}

	/** The player's page is left: a film that plays goes along. */
	leave(): void {
		this.full = false;
		if (!this.playing) this.close();
	}
}

export const stage = new Stage();
