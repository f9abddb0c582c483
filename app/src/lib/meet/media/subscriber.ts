/** The connection that receives everybody: answers the server's offers in order, and says which track is whose. */
import type { Ask, Label, OfferSignal, StreamName } from '../wire';
import type { LinkState } from './publisher';

const PATIENCE_MS = 3_000;

/** A track that arrives. */
export interface Received {
	person: string;
	label: Label;
	track: MediaStreamTrack;
	receiver: RTCRtpReceiver;
}

export class Subscriber {
	received: Received[] = [];
	state: LinkState = 'new';
	private connection: RTCPeerConnection | null = null;
	private working: Promise<unknown> = Promise.resolve();
	private patience: ReturnType<typeof setTimeout> | undefined;
	private closed = false;

	constructor(
		private readonly iceServers: RTCIceServer[],
		private readonly ask: Ask,
		private readonly changed: () => void
	) {}

	/** Takes an offer; the answer goes to the server. */
	take(offer: OfferSignal): Promise<void> {
		const done = this.working.then(() => this.answer(offer));
		this.working = done.catch(() => undefined);
		return done;
	}

	async stats(): Promise<RTCStatsReport | null> {
		return this.connection ? this.connection.getStats() : null;
	}

	/** Drops the connection: the server makes a new offer. */
	drop(): void {
		clearTimeout(this.patience);
		if (this.connection) {
			this.connection.onconnectionstatechange = null;
			this.connection.close();
		}
		this.connection = null;
		this.received = [];
		this.state = 'new';
		this.changed();
	}

	close(): void {
		this.closed = true;
		this.drop();
	}

	private async answer(offer: OfferSignal): Promise<void> {
		if (this.closed) return;
		if (offer.fresh || !this.connection) {
			if (this.connection) this.drop();
			this.connection = new RTCPeerConnection({ iceServers: this.iceServers, bundlePolicy: 'max-bundle' });
			const mine = this.connection;
			mine.onconnectionstatechange = () => this.watch(mine);
		}
		const connection = this.connection;
		try {
			await connection.setRemoteDescription({ type: 'offer', sdp: offer.sdp });
			const answer = await connection.createAnswer();
			await connection.setLocalDescription(answer);
			await this.ask('meet.answer', { n: offer.n, sdp: answer.sdp });
		} catch (error) {
			if (connection === this.connection && !this.closed) this.restart();
			throw error;
		}
		if (connection !== this.connection) return;
		this.received = named(connection, offer.streams);
		this.changed();
	}

	private watch(connection: RTCPeerConnection): void {
		if (connection !== this.connection) return;
		const state = connection.connectionState;
		clearTimeout(this.patience);
		if (state === 'connected') this.state = 'connected';
		else if (state === 'connecting') this.state = 'connecting';
		else if (state === 'failed') this.restart();
		else if (state === 'disconnected') {
			this.state = 'connecting';
			this.patience = setTimeout(() => this.restart(), PATIENCE_MS);
		}
		this.changed();
	}

	private restart(): void {
		if (this.closed) return;
		this.drop();
		this.state = 'broken';
		this.ask('meet.restart', {}).catch(() => undefined);
	}
}

/** The tracks with their owners' names; what the offer does not name is nobody's. */
function named(connection: RTCPeerConnection, streams: readonly StreamName[]): Received[] {
	const byMid = new Map(connection.getTransceivers().map((transceiver) => [transceiver.mid, transceiver]));
	const found: Received[] = [];
	for (const { mid, person, label } of streams) {
		const transceiver = byMid.get(mid);
		if (transceiver) found.push({ person, label, track: transceiver.receiver.track, receiver: transceiver.receiver });
	}
	return found;
}
