/** Short notices at the edge. They speak once and go by themselves, unless they hold an action. May be called inside effects. */
import { untrack } from 'svelte';
import type { IconName } from './icons';

export interface Notice {
	id: number;
	text: string;
	tone: 'plain' | 'good' | 'bad';
	icon?: IconName;
	action?: { label: string; run: () => void };
}

const NOTICES_MAX = 3;
const NOTICE_MS = 5_000;
const NOTICE_WITH_ACTION_MS = 10_000;

class Toasts {
	list = $state.raw<readonly Notice[]>([]);
	#next = 1;
	#timers = new Map<number, ReturnType<typeof setTimeout>>();

	/** Shows a notice. `stay` keeps it until it is dismissed. Returns its id. */
	show(text: string, { tone = 'plain', icon, action, stay = false }: Partial<Omit<Notice, 'id' | 'text'>> & { stay?: boolean } = {}): number {
		const id = this.#next++;
		const held = untrack(() => this.list);
		for (const old of held.slice(0, Math.max(0, held.length + 1 - NOTICES_MAX))) this.dismiss(old.id);
		this.list = [...untrack(() => this.list), { id, text, tone, icon, action }];
		if (!stay) this.#timers.set(id, setTimeout(() => this.dismiss(id), action ? NOTICE_WITH_ACTION_MS : NOTICE_MS));
		return id;
	}

	good(text: string): number {
		return this.show(text, { tone: 'good', icon: 'circle-check' });
	}

	bad(text: string): number {
		return this.show(text, { tone: 'bad', icon: 'circle-alert' });
	}

	dismiss(id: number): void {
		clearTimeout(this.#timers.get(id));
		this.#timers.delete(id);
		this.list = untrack(() => this.list).filter((notice) => notice.id !== id);
	}
}

export const toast = new Toasts();
