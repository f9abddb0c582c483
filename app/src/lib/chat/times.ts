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
	return formatter(locale, {
		weekday: 'long',
		day: 'numeric',
		month: 'long',
		...(sameYear ? {} : { year: 'numeric' })
	}).format(ms);
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
	return formatter(locale, { hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** "Montag, 23. November 2026 um 08:12": what a pointer or a screen reader is told. */
export function fullTime(ms: number, locale: string): string {
	return formatter(locale, { dateStyle: 'full', timeStyle: 'short' }).format(ms);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	const key = locale + JSON.stringify(options);
	let held = formatters.get(key);
	if (!held) {
		held = new Intl.DateTimeFormat(locale, options);
		formatters.set(key, held);
	}
	return held;
}
