/** Dates, times, numbers and sizes as people in the chosen language write them. */
import { voice } from './voice.svelte';

const held = new Map<string, Intl.DateTimeFormat>();
function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	const tag = voice.language === 'en' ? 'en-GB' : 'de-DE';
	const key = tag + JSON.stringify(options);
	const found = held.get(key) ?? new Intl.DateTimeFormat(tag, options);
	held.set(key, found);
	return found;
}

/** 14:05 */
export const clock = (ms: number) => formatter({ hour: '2-digit', minute: '2-digit' }).format(ms);
/** Montag, 23. November */
export const longDay = (ms: number) => formatter({ weekday: 'long', day: 'numeric', month: 'long' }).format(ms);
/** 23. November 2026 */
export const fullDate = (ms: number) => formatter({ day: 'numeric', month: 'long', year: 'numeric' }).format(ms);
/** 23.11.2026, 14:05 */
export const dateAndClock = (ms: number) => formatter({ dateStyle: 'medium', timeStyle: 'short' }).format(ms);

const DAY_MS = 86_400_000;
const startOfDay = (ms: number) => new Date(ms).setHours(0, 0, 0, 0);

/** Days from `ms` to today by the calendar: 0 today, 1 yesterday. */
export const daysAgo = (ms: number, now = Date.now()) => Math.round((startOfDay(now) - startOfDay(ms)) / DAY_MS);

/** 14:05 today, otherwise gestern, Montag or the date. */
export function when(ms: number, now = Date.now()): string {
	const days = daysAgo(ms, now);
	if (days === 0) return clock(ms);
	const tag = voice.language === 'en' ? 'en-GB' : 'de-DE';
	if (days === 1) return new Intl.RelativeTimeFormat(tag, { numeric: 'auto' }).format(-1, 'day');
	if (days > 1 && days < 7) return formatter({ weekday: 'long' }).format(ms);
	return formatter({ day: '2-digit', month: '2-digit', year: 'numeric' }).format(ms);
}

/** 1,4 MB */
export function bytes(size: number): string {
	const units = ['B', 'kB', 'MB', 'GB', 'TB'];
	let value = size;
	let unit = 0;
	while (value >= 1000 && unit < units.length - 1) {
		value /= 1000;
		unit++;
	}
	const digits = unit === 0 || value >= 100 ? 0 : 1;
	return `${new Intl.NumberFormat(voice.language === 'en' ? 'en-GB' : 'de-DE', { maximumFractionDigits: digits }).format(value)} ${units[unit]}`;
}

/** Anna, Ben und Cem */
export const listed = (names: readonly string[]) =>
	new Intl.ListFormat(voice.language === 'en' ? 'en-GB' : 'de-DE', { type: 'conjunction' }).format(names);
