/** Light or dark: as the system says, unless the person chose. */
export type Theme = 'system' | 'light' | 'dark';
const STORED = 'verbund.theme';

class ThemeChoice {
	#value = $state<Theme>('system');

	constructor() {
		if (typeof document === 'undefined') return;
		let value: string | null = null;
		try {
			value = localStorage.getItem(STORED);
		} catch {
			// Without storage the system decides.
		}
		this.value = value === 'light' || value === 'dark' ? value : 'system';
	}

	get value(): Theme {
		return this.#value;
	}

	set value(theme: Theme) {
		this.#value = theme;
		if (theme === 'system') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = theme;
		try {
			localStorage.setItem(STORED, theme);
		} catch {
			// Holds for this tab.
		}
	}
}

export const theme = new ThemeChoice();
