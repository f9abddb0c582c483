/** The call that this tab is in: lives in the shell, not in a room, so that it goes on while one walks through the app. */
import type { CoreId, ProviderId, SignalFrame, SpaceId, Sync } from '$lib/base';
import { openCamera, openMicrophone, openScreen, remember, remembered, troubleOf, type Choice, type Trouble } from './devices';
import { JOINED, LEFT, STARTED } from './fold';
import { LevelMeter } from './level.svelte';
import { Publisher, Subscriber, type Received } from './media';
import { Pulse, STALLED_ALONE_MS } from './pulse';
import { Seat } from './seat';
import { Speaking } from './speaking';
import { Voices } from './voices';
import { Watch } from './watch.svelte';
import type { Joined, Label, LayerChoice, OfferSignal, Participant, ResetSignal, RunningCall } from './wire';

const POLL_MS = 150;
const OWN_VOICE_LEVEL = 0.45;
const RETRY_MS = 1_000;

export type Phase = 'joining' | 'in' | 'restoring' | 'over';
type Tracks = Partial<Record<Label, MediaStreamTrack | null>>;

export class Call {
	phase = $state<Phase>('joining');
	room = $state.raw<RunningCall>({ space: '' as SpaceId, call: null, started_at: 0, place: '' as ProviderId, people: [] });
	me = $state('');
	tracks = $state.raw<Tracks>({});
	audioOn = $state(true);
	videoOn = $state(true);
	handUp = $state(false);
	choice = $state.raw<Choice>(remembered());
	received = $state.raw<Received[]>([]);
	/** Persons who speak now, oneself among them. */
	speaking = $state.raw<ReadonlySet<string>>(new Set());
	/** Why camera, microphone or screen did not come. */
	trouble = $state.raw<{ of: Label; why: Trouble } | null>(null);
	/** Somebody who leads the space switched this microphone off. */
	silenced = $state(false);
	readonly meter = new LevelMeter();
	readonly watch = new Watch();

	private secret = '';
	private generation: string | null = null;
	private ice: RTCIceServer[] = [];
	private publisher: Publisher | null = null;
	private subscriber: Subscriber | null = null;
	private readonly voices = new Voices();
	private readonly voiceActivity = new Speaking();
	private poll: ReturnType<typeof setInterval> | undefined;
	private announced: CoreId | null = null;
	private layers = '';
	private nonce = '';
	private readonly pulse = new Pulse();
	private readonly seat: Seat;

	/** `known`: the call that runs there, as far as is known; `shown` is told who is in it. */
	constructor(
		private readonly sync: Sync,
		readonly space: SpaceId,
		known: RunningCall | null,
		private readonly shown: (room: RunningCall) => void,
		private readonly over: () => void
	) {
		if (known) this.room = { ...known, people: [] };
		this.seat = new Seat(
			sync,
			{
				request: (isSame) => this.request(isSame),
				entered: (joined, isSame) => this.entered(joined, isSame),
				left: () => this.left(),
				refused: () => this.end(),
				hear: (signal) => this.hear(signal),
				flows: () => this.flows(STALLED_ALONE_MS),
				stalled: () => !this.flows() && this.pulse.began
			},
			known?.place || null
		);
	}

	get sharing(): boolean {
		return !!this.tracks.screen;
	}

	/** Everybody else. */
	get others(): Participant[] {
		return this.room.people.filter((person) => person.id !== this.me);
	}

	get mine(): Participant | undefined {
		return this.room.people.find((person) => person.id === this.me);
	}

	/** Goes in with the tracks that were tried out before. Rejects with the server's refusal. */
	async join(tracks: Tracks, choice: Choice): Promise<void> {
		this.tracks = tracks;
		this.audioOn = !!tracks.microphone && choice.audio;
		this.videoOn = !!tracks.camera && choice.video;
		this.choose(choice);
		if (tracks.microphone) tracks.microphone.enabled = this.audioOn;
		this.listen();
		try {
			await this.seat.begin();
		} catch (error) {
			this.end();
			throw error;
		}
		this.poll = setInterval(() => this.tick(), POLL_MS);
	}

	/** The page goes away. */
	bye(): void {
		this.seat.bye();
	}

	async leave(): Promise<void> {
		const { call } = this.room;
		const announced = this.announced;
		this.seat.bye();
		this.end();
		if (call && announced === call) await this.sync.post(this.space, LEFT, { call }, { re: [call] });
	}

	async toggleMicrophone(on = !this.audioOn): Promise<void> {
		this.silenced = false;
		if (on && !this.tracks.microphone) await this.renew('microphone');
		if (!this.tracks.microphone) return;
		this.audioOn = on;
		this.tracks.microphone.enabled = on;
		this.tell({ audio: on });
	}

	/** Off means off: the camera's light goes out. */
	async toggleCamera(on = !this.videoOn): Promise<void> {
		if (on) {
			await this.renew('camera');
			if (!this.tracks.camera) return;
		} else {
			this.tracks.camera?.stop();
			await this.put('camera', null);
		}
		this.videoOn = on;
		this.tell({ video: on });
	}

	async toggleScreen(): Promise<void> {
		if (this.tracks.screen) return this.endScreen();
		try {
			const track = await openScreen();
			track.onended = () => void this.endScreen();
			await this.put('screen', track);
			this.tell({ screen: true });
		} catch (error) {
			// Who closes the browser's own dialog has changed their mind: that is no trouble.
			if ((error as DOMException).name !== 'NotAllowedError') this.trouble = { of: 'screen', why: troubleOf(error) };
		}
	}

	toggleHand(): void {
		this.handUp = !this.handUp;
		this.tell({ hand: this.handUp });
	}

	/** Another device; what is on stays on. */
	async pick(choice: Choice): Promise<void> {
		const { camera, microphone } = this.choice;
		this.choose(choice);
		if (choice.microphone !== microphone) await this.renew('microphone');
		if (choice.camera !== camera && this.videoOn) await this.renew('camera');
		this.voices.through(choice.speaker);
	}

	/** For those who lead the space. */
	silence(person: string): Promise<unknown> {
		return this.seat.ask('meet.silence', { person });
	}

	/** How large whom: sent only when something changed. */
	show(layers: LayerChoice[]): void {
		const wanted = JSON.stringify(layers);
		if (wanted === this.layers || !layers.length) return;
		this.layers = wanted;
		void this.seat.ask('meet.layers', layers).catch(() => (this.layers = ''));
	}

	track(person: string, label: Label): MediaStreamTrack | null {
		if (person === this.me) return this.tracks[label] ?? null;
		return this.received.find((one) => one.person === person && one.label === label)?.track ?? null;
	}

	// Signals

	/** The call goes on at another provider, as a fact says. */
	takeMove(call: CoreId, place: ProviderId): void {
		if (call === this.room.call) this.seat.follow(place);
	}

	private hear({ k, d, sp }: SignalFrame): void {
		if (sp !== this.space || this.phase === 'over') return;
		if (k === 'meet.people') this.takePeople(d as RunningCall);
		else if (k === 'meet.offer') this.takeOffer(d as OfferSignal);
		else if (k === 'meet.reset') this.takeReset(d as ResetSignal);
		else if (k === 'meet.start') this.takeStart();
		else if (k === 'meet.silenced') this.takeSilenced();
		else if (k === 'meet.over') this.end();
	}

	private takePeople(room: RunningCall): void {
		this.room = room;
		this.shown(room);
		this.announce();
	}

	private takeOffer(offer: OfferSignal): void {
		this.subscriber ??= this.subscribe();
		void this.subscriber.take(offer).catch(() => undefined);
	}

	private takeReset({ leg, generation }: ResetSignal): void {
		if (leg === 'publish') return void this.publish();
		this.generation = generation ?? null;
		this.subscriber?.drop();
		if (this.generation) void this.publish();
		else this.phase = 'restoring';
	}

	private takeSilenced(): void {
		this.audioOn = false;
		if (this.tracks.microphone) this.tracks.microphone.enabled = false;
		this.silenced = true;
	}

	private takeStart(): void {
		if (!this.room.call) void this.sync.post(this.space, STARTED, { call: this.nonce });
	}

	/** The call is over for this tab; devices are let go. */
	end(): void {
		if (this.phase === 'over') return;
		this.phase = 'over';
		clearInterval(this.poll);
		this.seat.end();
		this.publisher?.close();
		this.subscriber?.close();
		this.voices.stop();
		this.meter.stop();
		for (const track of Object.values(this.tracks)) track?.stop();
		this.tracks = {};
		this.over();
	}

	/** The same person again, where the provider still knows them; at another provider with everything that was on. */
	private request(isSame: boolean): object {
		const { space, audioOn: audio, videoOn: video } = this;
		const call = this.room.call ?? undefined;
		if (!isSame || !this.me) return { space, audio, video, call };
		return { space, audio, video, call, resume: { id: this.me, secret: this.secret, generation: this.generation } };
	}

	private entered(joined: Joined, isSame: boolean): void {
		const isKept = isSame && joined.media === 'kept' && joined.me === this.me;
		if (!isSame) this.abandon();
		this.me = joined.me;
		this.secret = joined.secret;
		this.nonce = joined.nonce;
		this.generation = joined.generation;
		this.ice = joined.ice_servers;
		this.layers = '';
		this.takePeople(joined.room);
		if (joined.start) this.takeStart();
		this.tell({ audio: this.audioOn, video: this.videoOn, screen: this.sharing, hand: this.handUp });
		if (isKept) this.phase = 'in';
		else if (this.generation) void this.publish();
		else this.phase = 'restoring';
	}

	/** What came over the old provider is gone; what is sent goes to the new one. */
	private abandon(): void {
		this.subscriber?.close();
		this.subscriber = null;
		this.pulse.reset();
	}

	/** Without a word from the provider; as long as media comes nobody need notice. */
	private left(): void {
		if (this.phase === 'in' && !this.flows()) this.phase = 'restoring';
	}

	/** Looks at once: where the page itself stood still, what came meanwhile counts. */
	private flows(within?: number): boolean {
		const now = performance.now();
		this.pulse.look(this.received, now);
		return this.pulse.flows(now, within);
	}

	/** Sends what there is over a new connection. */
	private async publish(): Promise<void> {
		if (this.phase === 'over' || !this.generation) return;
		this.publisher?.close();
		const mine = new Publisher(this.ice, this.ask, this.generation, (state) => {
			if (mine !== this.publisher) return;
			if (state === 'connected') this.phase = 'in';
			if (state === 'broken') void this.publish();
		});
		this.publisher = mine;
		try {
			await mine.start(this.tracks);
			if (this.phase === 'joining') this.phase = 'in';
		} catch {
			if (mine !== this.publisher || this.phase === ('over' as Phase)) return;
			this.phase = 'restoring';
			setTimeout(() => mine === this.publisher && void this.publish(), RETRY_MS);
		}
	}

	private subscribe(): Subscriber {
		return new Subscriber(this.ice, this.ask, () => {
			this.received = [...(this.subscriber?.received ?? [])];
			this.layers = '';
			this.voices.play(this.received, this.choice.speaker);
		});
	}

	private async renew(label: 'camera' | 'microphone'): Promise<void> {
		try {
			const track = label === 'camera' ? await openCamera(this.choice.camera) : await openMicrophone(this.choice.microphone);
			this.trouble = null;
			this.tracks[label]?.stop();
			if (label === 'microphone') track.enabled = this.audioOn;
			await this.put(label, track);
		} catch (error) {
			this.trouble = { of: label, why: troubleOf(error) };
		}
	}

	private async put(label: Label, track: MediaStreamTrack | null): Promise<void> {
		this.tracks = { ...this.tracks, [label]: track };
		this.listen();
		await this.publisher?.send(label, track).catch(() => this.publish());
	}

	private async endScreen(): Promise<void> {
		this.tracks.screen?.stop();
		await this.put('screen', null);
		this.tell({ screen: false });
	}

	/** The meter, and what to do when a device is unplugged. */
	private listen(): void {
		const { microphone, camera } = this.tracks;
		this.meter.watch(microphone ?? null);
		if (microphone) microphone.onended = () => this.lost('microphone');
		if (camera) camera.onended = () => this.lost('camera');
	}

	private lost(label: 'camera' | 'microphone'): void {
		this.trouble = { of: label, why: 'missing' };
		void this.put(label, null);
		if (label === 'camera') this.videoOn = false;
		else this.audioOn = false;
		this.tell(label === 'camera' ? { video: false } : { audio: false });
	}

	private choose(choice: Choice): void {
		this.choice = choice;
		remember(choice);
	}

	private announce(): void {
		const { call } = this.room;
		if (!call || this.announced === call || !this.mine) return;
		this.announced = call;
		void this.sync.post(this.space, JOINED, { call }, { re: [call] });
	}

	private tell(flags: Partial<Record<'audio' | 'video' | 'screen' | 'hand', boolean>>): void {
		void this.seat.ask('meet.state', flags).catch(() => undefined);
	}

	private tick(): void {
		const now = performance.now();
		const speaking = this.voiceActivity.poll(this.received, now);
		if (this.audioOn && this.meter.level > OWN_VOICE_LEVEL) speaking.add(this.me);
		if (!sameSet(speaking, this.speaking)) this.speaking = speaking;
		this.pulse.look(this.received, now);
		this.seat.look(now);
		this.watch.look(this.subscriber, this.received, this.room.people, now);
	}

	private readonly ask = <T>(method: string, data: unknown): Promise<T> => this.seat.ask<T>(method, data);
}

const sameSet = (one: ReadonlySet<string>, other: ReadonlySet<string>) => one.size === other.size && [...one].every((item) => other.has(item));
