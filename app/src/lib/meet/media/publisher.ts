/** The connection that sends: microphone, camera in three sizes, screen. Knows no framework and no screen. */
import type { Ask, Label } from '../wire';

export const CAMERA_KBPS = [1_200, 400, 120] as const;
export const SCREEN_KBPS = 2_500;
export const VOICE_KBPS = 40;
/** `disconnected` often heals by itself; after this it is broken. */
const PATIENCE_MS = 3_000;

/** Largest first: what the server calls layer 2, 1, 0. */
const CAMERA_LAYERS: RTCRtpEncodingParameters[] = [
	{ rid: 'h', maxBitrate: CAMERA_KBPS[0] * 1000 },
	{ rid: 'm', maxBitrate: CAMERA_KBPS[1] * 1000, scaleResolutionDownBy: 2 },
	{ rid: 'l', maxBitrate: CAMERA_KBPS[2] * 1000, scaleResolutionDownBy: 4 }
];

export type LinkState = 'new' | 'connecting' | 'connected' | 'broken' | 'closed';

export class Publisher {
	state: LinkState = 'new';
	private readonly connection: RTCPeerConnection;
	private readonly senders = new Map<Label, RTCRtpTransceiver>();
	private working: Promise<unknown> = Promise.resolve();
	private published = false;
	private patience: ReturnType<typeof setTimeout> | undefined;

	constructor(
		iceServers: RTCIceServer[],
		private readonly ask: Ask,
		private readonly generation: string,
		private readonly changed: (state: LinkState) => void
	) {
		this.connection = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
		this.connection.onconnectionstatechange = () => this.watch();
		this.add('microphone', 'audio', [{ maxBitrate: VOICE_KBPS * 1000 }]);
		this.add('camera', 'video', CAMERA_LAYERS);
	}

	/** Begins to send; without a track the place is kept, so that it can come later without a word to the server. */
	async start(tracks: Partial<Record<Label, MediaStreamTrack | null>>): Promise<void> {
		await this.inTurn(async () => {
			if (tracks.screen) this.add('screen', 'video', [{ maxBitrate: SCREEN_KBPS * 1000 }]);
			for (const [label, transceiver] of this.senders) await transceiver.sender.replaceTrack(tracks[label] ?? null);
			await this.negotiate();
		});
	}

	/** Sends this instead of what was sent; null: nothing. The place itself stays for good (a stopped one cannot come back). */
	async send(label: Label, track: MediaStreamTrack | null): Promise<void> {
		await this.inTurn(async () => {
			const held = this.senders.get(label);
			if (held) {
				await held.sender.replaceTrack(track);
			} else if (track) {
				const transceiver = this.add(label, 'video', [{ maxBitrate: SCREEN_KBPS * 1000 }]);
				await transceiver.sender.replaceTrack(track);
				await this.negotiate();
			}
		});
	}

	stats(): Promise<RTCStatsReport> {
		return this.connection.getStats();
	}

	close(): void {
		clearTimeout(this.patience);
		this.state = 'closed';
		this.connection.onconnectionstatechange = null;
		this.connection.close();
	}

	private add(label: Label, kind: 'audio' | 'video', sendEncodings: RTCRtpEncodingParameters[]): RTCRtpTransceiver {
		const transceiver = this.connection.addTransceiver(kind, { direction: 'sendonly', sendEncodings });
		this.senders.set(label, transceiver);
		return transceiver;
	}

	private async negotiate(): Promise<void> {
		const offer = await this.connection.createOffer();
		await this.connection.setLocalDescription(offer);
		const tracks: Record<string, Label> = {};
		for (const [label, transceiver] of this.senders) if (transceiver.mid !== null) tracks[transceiver.mid] = label;
		const request = { sdp: offer.sdp, tracks, generation: this.generation, anew: !this.published };
		const { sdp } = await this.ask<{ sdp: string }>('meet.publish', request);
		this.published = true;
		if (this.state === 'closed') return;
		await this.connection.setRemoteDescription({ type: 'answer', sdp });
	}

	/** One thing after the other: a negotiation must not meet another. */
	private inTurn(work: () => Promise<void>): Promise<void> {
		const done = this.working.then(work);
		this.working = done.catch(() => undefined);
		return done;
	}

	private watch(): void {
		const state = this.connection.connectionState;
		clearTimeout(this.patience);
		if (state === 'connected') this.become('connected');
		else if (state === 'connecting') this.become('connecting');
		else if (state === 'failed') this.become('broken');
		else if (state === 'disconnected') this.patience = setTimeout(() => this.become('broken'), PATIENCE_MS);
	}

	private become(state: LinkState): void {
		if (this.state === 'closed' || this.state === state) return;
		this.state = state;
		this.changed(state);
	}
}
