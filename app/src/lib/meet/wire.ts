/** What the server and the browser say to each other about a call; field names as on the wire. */
import type { AccountId, CoreId, ProviderId, SpaceId } from '$lib/base';

export type Label = 'microphone' | 'camera' | 'screen';

/** Somebody in a call: one tab. `away`: their connection broke, media may go on. */
export interface Participant {
	id: string;
	account: AccountId;
	joined_at: number;
	audio: boolean;
	video: boolean;
	screen: boolean;
	hand: boolean;
	away: boolean;
}

/** A call that runs in a space; nobody in it = over. `call` null: its first fact is not written yet. `place`: the provider that it is at. */
export interface RunningCall {
	space: SpaceId;
	call: CoreId | null;
	started_at: number;
	place: ProviderId;
	people: Participant[];
}

/** Which of the offered mids is whose track. */
export interface StreamName {
	mid: string;
	person: string;
	label: Label;
}

export interface Joined {
	me: string;
	secret: string;
	/** This browser is to write the fact that the call began. */
	start: boolean;
	/** What that fact names, so that it is known for this room's. */
	nonce: string;
	ice_servers: RTCIceServer[];
	room: RunningCall;
	/** The life of the SFU; null while it is away. */
	generation: string | null;
	media: 'kept' | 'fresh';
	streams: StreamName[];
}

/** The call is at another provider. */
export interface ElsewhereAnswer {
	elsewhere: ProviderId;
}

export interface OfferSignal {
	n: number;
	sdp: string;
	streams: StreamName[];
	/** A new connection begins with it. */
	fresh: boolean;
}

export interface ResetSignal {
	leg: 'publish' | 'subscribe' | 'both';
	generation?: string | null;
	reason?: string;
}

/** How large somebody's picture is shown: simulcast layer 0–2, null = not at all. */
export interface LayerChoice {
	person: string;
	label: 'camera' | 'screen';
	layer: number | null;
}

/** How to ask the server; `Sync.call` is one. */
export type Ask = <T>(method: string, data: unknown) => Promise<T>;
