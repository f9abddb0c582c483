/** A page for the tests: the app's own media connections over the real /live, without the app's screens. */
import { Publisher, Subscriber } from '../../app/src/lib/meet/media';
import type { Joined, OfferSignal, ResetSignal, RunningCall } from '../../app/src/lib/meet/wire';

const CALL_TIMEOUT_MS = 20_000;
interface Waiting {
	resolve: (value: unknown) => void;
	reject: (error: Error) => void;
}

class Page {
	joined: Joined | null = null;
	room: RunningCall | null = null;
	resets: ResetSignal[] = [];
	rejoined = 0;
	private socket: WebSocket | null = null;
	private waiting = new Map<number, Waiting>();
	private number = 0;
	private publisher: Publisher | null = null;
	private subscriber: Subscriber | null = null;
	private tracks: Record<string, MediaStreamTrack> = {};
	private space = '';
	private sounding = new Map<MediaStreamTrack, HTMLAudioElement>();

	async connect(space: string): Promise<void> {
		this.space = space;
		await new Promise<void>((resolve, reject) => {
			const socket = new WebSocket(`ws://${location.host}/live`);
			this.socket = socket;
			socket.onmessage = (message) => {
				const frame = JSON.parse(message.data as string) as Record<string, unknown>;
				if (frame.f === 'hello') socket.send(JSON.stringify({ f: 'follow', s: { [space]: {} } }));
				if (frame.f === 'caught') resolve();
				this.heard(frame);
			};
			socket.onclose = () => {
				reject(new Error('closed'));
				for (const one of this.waiting.values()) one.reject(new Error('closed'));
				this.waiting.clear();
			};
		});
	}

	ask = <T>(method: string, data: unknown): Promise<T> => {
		const n = ++this.number;
		this.socket!.send(JSON.stringify({ f: 'call', n, m: method, d: data }));
		return new Promise<T>((resolve, reject) => {
			this.waiting.set(n, { resolve: resolve as Waiting['resolve'], reject });
			setTimeout(() => reject(new Error(`${method}: no answer`)), CALL_TIMEOUT_MS);
		});
	};

	/** The refusal's code, or "ok". */
	async tried(method: string, data: unknown): Promise<string> {
		try {
			await this.ask(method, data);
			return 'ok';
		} catch (error) {
			return (error as Error).message;
		}
	}

	/** From now on media goes through TURN or not at all. */
	onlyRelayed(): void {
		const Plain = RTCPeerConnection;
		globalThis.RTCPeerConnection = class extends Plain {
			constructor(configuration: RTCConfiguration) {
				super({ ...configuration, iceTransportPolicy: 'relay' });
			}
		};
	}

	async join(): Promise<boolean> {
		const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
		this.tracks = { microphone: media.getAudioTracks()[0]!, camera: media.getVideoTracks()[0]! };
		this.joined = await this.ask<Joined>('meet.join', { space: this.space, audio: true, video: true });
		this.room = this.joined.room;
		await this.publish(this.joined.generation!);
		return this.joined.start;
	}

	/** After the socket broke: the same person again; media goes on when the server kept it. */
	async back(): Promise<string> {
		await this.connect(this.space);
		const { me: id, secret, generation } = this.joined!;
		this.joined = await this.ask<Joined>('meet.join', { space: this.space, resume: { id, secret, generation } });
		this.room = this.joined.room;
		if (this.joined.media === 'fresh' && this.joined.generation) await this.publish(this.joined.generation);
		return this.joined.media;
	}

	async share(): Promise<void> {
		const media = await navigator.mediaDevices.getDisplayMedia({ video: true });
		this.tracks.screen = media.getVideoTracks()[0]!;
		await this.publisher!.send('screen', this.tracks.screen);
		await this.ask('meet.state', { screen: true });
	}

	async unshare(): Promise<void> {
		this.tracks.screen!.stop();
		delete this.tracks.screen;
		await this.publisher!.send('screen', null);
		await this.ask('meet.state', { screen: false });
	}

	async mute(on: boolean): Promise<void> {
		this.tracks.microphone!.enabled = !on;
		await this.ask('meet.state', { audio: !on });
	}

	drop(): void {
		this.socket!.close();
	}

	/** What arrives: "account-less" names `person/label` → frames decoded or audio energy so far. */
	async arriving(): Promise<Record<string, number>> {
		const report = await this.subscriber?.stats();
		const found: Record<string, number> = {};
		if (!report) return found;
		const byTrack = new Map<string, { framesDecoded?: number; totalAudioEnergy?: number }>();
		report.forEach((one: { type: string; trackIdentifier?: string }) => {
			if (one.type === 'inbound-rtp' && one.trackIdentifier) byTrack.set(one.trackIdentifier, one);
		});
		for (const { person, label, track } of this.subscriber!.received) {
			const one = byTrack.get(track.id);
			found[`${person}/${label}`] = one?.framesDecoded ?? one?.totalAudioEnergy ?? 0;
		}
		return found;
	}

	links(): string[] {
		return [this.publisher?.state ?? 'none', this.subscriber?.state ?? 'none'];
	}

	private async publish(generation: string): Promise<void> {
		this.publisher?.close();
		this.subscriber ??= new Subscriber(this.joined!.ice_servers, this.ask, () => this.play());
		this.publisher = new Publisher(this.joined!.ice_servers, this.ask, generation, () => undefined);
		await this.publisher.start(this.tracks);
	}

	/** As the app does: voices sound by elements of their own. */
	private play(): void {
		for (const { label, track } of this.subscriber!.received) {
			if (label !== 'microphone' || this.sounding.has(track)) continue;
			const audio = new Audio();
			audio.srcObject = new MediaStream([track]);
			void audio.play();
			this.sounding.set(track, audio);
		}
	}

	private heard(frame: Record<string, unknown>): void {
		if (frame.f === 'reply') this.replied(frame as { n: number; d?: unknown; e?: { code: string } });
		if (frame.f !== 'signal') return;
		if (frame.k === 'meet.people') this.room = frame.d as RunningCall;
		if (frame.k === 'meet.offer') {
			this.subscriber ??= new Subscriber(this.joined?.ice_servers ?? [], this.ask, () => this.play());
			void this.subscriber.take(frame.d as OfferSignal).catch(() => undefined);
		}
		if (frame.k === 'meet.reset') this.reset(frame.d as ResetSignal);
	}

	private reset(signal: ResetSignal): void {
		this.resets.push(signal);
		if (signal.leg === 'both' && signal.generation) {
			this.subscriber?.drop();
			void this.publish(signal.generation).then(() => this.rejoined++);
		}
	}

	private replied(frame: { n: number; d?: unknown; e?: { code: string } }): void {
		const one = this.waiting.get(frame.n);
		this.waiting.delete(frame.n);
		if (frame.e) one?.reject(new Error(frame.e.code));
		else one?.resolve(frame.d);
	}
}

(globalThis as unknown as { meet: Page }).meet = new Page();
