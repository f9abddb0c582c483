/** Decides which addresses a message may link to. */

const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** The normalised address, or null when its scheme is none of http, https, mailto. */
export function safeHref(raw: string): string | null {
	if (/[\u0000-\u0020\u007f\u202a-\u202e\u2066-\u2069]/.test(raw)) return null;
	let url: URL;
	try {
		url = new URL(raw);
	} catch {
		return null;
	}
	if (!SCHEMES.has(url.protocol)) return null;
	if (url.username !== '' || url.password !== '') return null;
	return url.href;
}
