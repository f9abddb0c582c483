/** The language that the app speaks and whether it says Sie or du. Reactive: whatever shows a message follows at once. */
import { overwriteGetLocale } from '../paraglide/runtime';

export type Language = 'de' | 'en';
export type Form = 'sie' | 'du';
const STORED_LANGUAGE = 'verbund.language';
const STORED_FORM = 'verbund.form';

function stored(key: string): string | null {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

function store(key: string, value: string | null): void {
	try {
		if (value === null) localStorage.removeItem(key);
		else localStorage.setItem(key, value);
	} catch {
		// A browser without storage keeps the choice for this tab only.
	}
}

function browserLanguage(): Language {
	const wanted = typeof navigator === 'undefined' ? 'de' : (navigator.languages ?? [navigator.language]).find((tag) => /^(de|en)\b/i.test(tag));
	return wanted?.toLowerCase().startsWith('en') ? 'en' : 'de';
}

class Voice {
	readonly #browsers = browserLanguage();
	#chosen = $state<Language | null>(null);
	#form = $state<Form>('sie');

	constructor() {
		const language = stored(STORED_LANGUAGE);
		this.#chosen = language === 'de' || language === 'en' ? language : null;
		this.#form = stored(STORED_FORM) === 'du' ? 'du' : 'sie';
	}

	get language(): Language {
		return this.#chosen ?? this.#browsers;
	}

	/** The person's own choice; null follows the browser. */
	get chosen(): Language | null {
		return this.#chosen;
	}

	choose(language: Language | null): void {
		this.#chosen = language;
		store(STORED_LANGUAGE, language);
		if (typeof document !== 'undefined') document.documentElement.lang = this.language;
	}

	get form(): Form {
		return this.#form;
	}

	/** Set by the shell from the organisation's choice. */
	address(form: Form): void {
		if (form === this.#form) return;
		this.#form = form;
		store(STORED_FORM, form);
	}
}

export const voice = new Voice();
overwriteGetLocale(() => voice.language);
if (typeof document !== 'undefined') document.documentElement.lang = voice.language;
