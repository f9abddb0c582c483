/** What is said over the socket to a provider. */
import type { AccountId, DeviceId, Entry, ProviderId, SpaceId, Vector } from './types';

export interface Hello {
	f: 'hello';
	provider: ProviderId;
	incarnation: number;
	now: number;
	account: AccountId;
	device: DeviceId;
}

export interface Outcome {
	id: string | null;
	st: 'accepted' | 'durable' | 'refused' | 'ask';
	code?: string;
	detail?: string;
	ds?: number | null;
	dp?: string | null;
	missing?: string[];
}

export interface SignalFrame {
	f: 'signal';
	sp: SpaceId;
	k: string;
	d: unknown;
	by: AccountId | null;
}

export type Frame =
	| Hello
	| { f: 'entries'; sp: SpaceId; e: Entry[] }
	| { f: 'caught'; sp: SpaceId; v: Vector }
	| { f: 'durable'; sp: SpaceId; v: Vector }
	| SignalFrame
	| { f: 'spaces' }
	| { f: 'gone'; sp: SpaceId };

export interface Problem {
	code: string;
	detail: string;
}

export type Answer =
	| { f: 'ack'; n: number; r: Outcome[] }
	| { f: 'reply'; n: number; d?: unknown; e?: Problem }
	| { f: 'error'; n?: number; e: Problem };
export type Passing = { f: 'pong' } | { f: 'bye'; code: string };
export type SocketLike = Pick<WebSocket, 'send' | 'close' | 'readyState' | 'bufferedAmount'> & {
	onopen: unknown;
	onmessage: unknown;
	onclose: unknown;
	onerror: unknown;
};
