/** What stands for a person without a picture: initials on a colour that belongs to the id. */
const HUES = [35, 60, 85, 130, 155, 180, 205, 235, 265, 300, 330, 10];

/** "Anna Lindner" → "AL", "Cem" → "C" */
export function initials(name: string): string {
	const words = name.trim().split(/[\s-]+/u).filter((word) => /^\p{L}|^\p{N}/u.test(word));
	const first = [...(words[0] ?? '?')][0]!;
	const last = words.length > 1 ? [...words.at(-1)!][0]! : '';
	return (first + last).toLocaleUpperCase();
}

/** A hue in degrees; the same id always gives the same one. */
export function hueOf(id: string): number {
	let sum = 7;
	for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 1_000_003;
	return HUES[sum % HUES.length]!;
}
