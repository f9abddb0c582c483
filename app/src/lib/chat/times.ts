/** Days and times as people say them. */

import { voice } from '$lib/ui/voice.svelte';

const DAY_MS = 86_400_000;

/** How the chosen language writes dates. */
export const localeTag = () => (voice.language === 'en' ? 'en-GB' : 'de-DE');

/** The local day as a sortable key: "2026-11-23". */
export function dayKey(ms: number): string {
	const date = new Date(ms);
	const two = (value: number) => String(value).padStart(2, '0');
	return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** "Montag, 23. November"; with the year when it is not this one. */
export function dayName(ms: number, nowMs: number, locale: string): string {
	const sameYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
	return formatter(locale, sameYear ? 'day' : 'day and year').format(ms);
}

/** Which of the two days that have a word of their own this is. */
export function nearDay(ms: number, nowMs: number): 'today' | 'yesterday' | null {
	if (dayKey(ms) === dayKey(nowMs)) return 'today';
	const noon = new Date(nowMs);
	noon.setHours(12, 0, 0, 0);
	return dayKey(ms) === dayKey(noon.getTime() - DAY_MS) ? 'yesterday' : null;
}

/** "08:12" */
export function clockTime(ms: number, locale: string): string {
	return formatter(locale, 'clock').format(ms);
}

/** "Montag, 23. November 2026 um 08:12": what a pointer or a screen reader is told. */
export function fullTime(ms: number, locale: string): string {
	return formatter(locale, 'full').format(ms);
}

const day = { weekday: 'long', day: 'numeric', month: 'long' } as const;
const forms = {
	day,
	'day and year': { ...day, year: 'numeric' },
	clock: { hour: '2-digit', minute: '2-digit' },
	full: { dateStyle: 'full', timeStyle: 'short' }
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: string, form: keyof typeof forms): Intl.DateTimeFormat {
	const key = `${locale} ${form}`;
	let held = formatters.get(key);
	if (!held) {
		held = new Intl.DateTimeFormat(locale, forms[form]);
		formatters.set(key, held);
	}
	return held;
}
