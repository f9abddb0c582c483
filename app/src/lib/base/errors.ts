/** What base says no with: a code, and the sentence to show for it in German and English. */

const SENTENCES = {
	'log.malformed_core': {
		de: 'Diese Nachricht ist beschädigt und wurde nicht übernommen. Laden Sie die Seite neu.',
		en: 'This message is damaged and was not taken over. Reload the page.'
	},
	'log.oversized': {
		de: 'Das ist zu lang für eine Nachricht. Hängen Sie den Text als Datei an.',
		en: 'This is too long for a message. Attach the text as a file.'
	},
	'log.unsigned': {
		de: 'Die Unterschrift dieser Nachricht stimmt nicht. Sie wird nicht angezeigt.',
		en: 'The signature of this message is wrong. It is not shown.'
	},
	'log.set_aside': {
		de: 'Das gilt nicht mehr: Wer es schrieb oder womit, gehörte da schon nicht mehr dazu.',
		en: 'This does not count any more: whoever wrote it, or the device, did not belong here by then.'
	},
	'log.broken_chain': {
		de: 'Der Anbieter hat Einträge gesendet, die nicht zueinander passen. Bitte sagen Sie Ihrem Anbieter Bescheid.',
		en: 'The provider sent entries that do not fit together. Please tell your provider.'
	},
	'log.reused_number': {
		de: 'Dieser Browser wurde aus einer älteren Kopie wiederhergestellt. Melden Sie ihn ab und wieder an.',
		en: 'This browser was restored from an older copy. Sign it out and in again.'
	},
	'log.provider_behind': {
		de: 'Der Anbieter hat ältere Nachrichten dieses Geräts verloren, und hier liegen sie auch nicht mehr. Was noch wartet, wird gleich ohne sie gesendet.',
		en: 'The provider lost older messages of this device, and they are not here any more either. What still waits is sent without them soon.'
	},
	'log.unmet': {
		de: 'Worauf sich das bezieht, ist bei diesem Anbieter nicht angekommen. Senden Sie es später noch einmal.',
		en: 'What this is about has not arrived at this provider. Send it again later.'
	},
	'base.outdated': {
		de: 'Verbund wurde erneuert. Laden Sie die Seite neu.',
		en: 'Verbund was updated. Reload the page.'
	},
	'base.weak_key': {
		de: 'Der Schlüssel dieses Geräts ist nicht sicher und wird nicht angenommen. Melden Sie sich auf diesem Gerät neu an.',
		en: 'The key of this device is not safe and is not accepted. Sign in on this device again.'
	},
	'base.no_key': {
		de: 'Dieser Browser kann keinen sicheren Schlüssel anlegen. Öffnen Sie die Seite über https oder in einem neueren Browser.',
		en: 'This browser cannot create a safe key. Open the page by https or in a newer browser.'
	},
	'base.offline': {
		de: 'Der Anbieter ist gerade nicht erreichbar. Sobald die Verbindung steht, geht es weiter.',
		en: 'The provider cannot be reached right now. Work goes on as soon as the connection is back.'
	},
	'base.timed_out': {
		de: 'Der Anbieter hat nicht rechtzeitig geantwortet. Versuchen Sie es noch einmal.',
		en: 'The provider did not answer in time. Try again.'
	},
	'base.signed_out': {
		de: 'Sie sind auf diesem Gerät abgemeldet. Melden Sie sich wieder an.',
		en: 'You are signed out on this device. Sign in again.'
	},
	'base.quota_exceeded': {
		de: 'Der Speicher dieses Browsers ist voll. Machen Sie Platz, sonst kann hier nichts Neues aufgehoben werden.',
		en: 'The storage of this browser is full. Make room, otherwise nothing new can be kept here.'
	},
	'base.storage_unavailable': {
		de: 'Dieser Browser lässt hier keinen Speicher zu (etwa im privaten Modus). Ohne ihn geht Verbund nicht.',
		en: 'This browser allows no storage here (for example in private mode). Verbund does not work without it.'
	},
	'base.outbox_full': {
		de: 'Es warten schon sehr viele Nachrichten auf die Verbindung. Bitte warten Sie, bis sie gesendet sind.',
		en: 'Very many messages are waiting for the connection already. Please wait until they are sent.'
	},
	'base.too_busy': {
		de: 'Gerade sind zu viele Anfragen unterwegs. Versuchen Sie es gleich noch einmal.',
		en: 'Too many requests are under way. Try again in a moment.'
	},
	'blobs.too_large': {
		de: 'Diese Datei ist zu groß.',
		en: 'This file is too large.'
	},
	'blobs.unreadable': {
		de: 'Die Datei ließ sich nicht mehr lesen. Wählen Sie sie noch einmal aus.',
		en: 'The file could not be read any more. Choose it again.'
	},
	'blobs.cancelled': {
		de: 'Das Hochladen wurde abgebrochen.',
		en: 'The upload was cancelled.'
	}
} as const;

export type RefusalCode = keyof typeof SENTENCES;

/** A rule of base said no. Anything else that is thrown is a bug. */
export class Refusal extends Error {
	constructor(
		readonly code: RefusalCode,
		readonly reason = ''
	) {
		super(reason ? `${code}: ${reason}` : code);
		this.name = 'Refusal';
	}
}

/** The bytes are not those that the canonical profile, or the form of a core, demands. */
export class NotCanonical extends Refusal {
	constructor(reason: string) {
		super('log.malformed_core', reason);
	}
}

export class TooLarge extends Refusal {
	constructor(reason: string) {
		super('log.oversized', reason);
	}
}

/** There is no answer: no network, or the provider is away. */
export class Offline extends Refusal {
	constructor(reason = '') {
		super('base.offline', reason);
	}
}

export class SignedOut extends Refusal {
	constructor() {
		super('base.signed_out');
	}
}

/** The provider said no: a problem document (RFC 9457) or an error on the socket. `detail` is the sentence to show. */
export class ApiError extends Error {
	constructor(
		readonly code: string,
		readonly status: number,
		readonly detail: string,
		readonly fields: Readonly<Record<string, unknown>> = {}
	) {
		super(`${code}: ${detail}`);
		this.name = 'ApiError';
	}
}

/** The sentence for a code of base, or undefined for a code of somebody else (then the provider sent one). */
export function sentence(code: string, language: string): string | undefined {
	const found = (SENTENCES as Record<string, { de: string; en: string }>)[code];
	return found && (language.startsWith('en') ? found.en : found.de);
}

/** The code and sentence of whatever was thrown. */
export function describe(error: unknown, language: string): { code: string; detail: string } {
	if (error instanceof ApiError) return { code: error.code, detail: error.detail };
	const code = error instanceof Refusal ? error.code : 'base.offline';
	return { code, detail: sentence(code, language) ?? code };
}

/** The language of this page, German where nothing else is said. */
export function pageLanguage(): string {
	return (globalThis as { document?: { documentElement?: { lang?: string } } }).document?.documentElement?.lang || 'de';
}
