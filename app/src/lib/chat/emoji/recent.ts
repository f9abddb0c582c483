/** The emoji that this browser used last. */

export const RECENT_MAX = 16;
export const USUAL = ['👍', '❤️', '😂', '🎉', '👀', '✅'] as const;
const KEY = 'verbund.emoji.recent';

export function recentEmoji(): string[] {
	try {
		const held: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
		const list = Array.isArray(held) ? held.filter((emoji): emoji is string => typeof emoji === 'string') : [];
		return list.slice(0, RECENT_MAX);
	} catch {
		return [];
	}
}

export function rememberEmoji(emoji: string): void {
	const list = [emoji, ...recentEmoji().filter((other) => other !== emoji)].slice(0, RECENT_MAX);
	try {
		localStorage.setItem(KEY, JSON.stringify(list));
	} catch {
		// A browser that keeps nothing still shows the usual ones.
	}
}

/** Recent ones first, filled up with the usual ones: what the quick row offers. */
export function quickEmoji(count: number): string[] {
	return [...new Set([...recentEmoji().slice(0, 3), ...USUAL])].slice(0, count);
}
