/** Camera and microphone before joining: opened to be looked at, handed over on joining, let go otherwise. */
import { openCamera, openMicrophone, remember, remembered, troubleOf, type Choice, type Trouble } from './devices';
import { LevelMeter } from './level.svelte';

/** Whoever has not answered the browser's question by then joins without. */
const OPENING_MS_MAX = 8_000;

export class Trial {
	choice = $state.raw<Choice>(remembered());
	camera = $state.raw<MediaStreamTrack | null>(null);
	microphone = $state.raw<MediaStreamTrack | null>(null);
	cameraTrouble = $state<Trouble | null>(null);
	microphoneTrouble = $state<Trouble | null>(null);
	readonly meter = new LevelMeter();
	private over = false;
	private opening: Promise<unknown> = Promise.resolve();

	async start(): Promise<void> {
		this.over = false;
		this.opening = Promise.all([this.openMicrophone(), this.choice.video ? this.openCamera() : null]);
		await this.opening;
	}

	/** Resolves once camera and microphone are open or have failed: whoever clicks at once is not mute for it. */
	async settled(): Promise<void> {
		let timer: ReturnType<typeof setTimeout> | undefined;
		await Promise.race([this.opening, new Promise((late) => (timer = setTimeout(late, OPENING_MS_MAX)))]);
		clearTimeout(timer);
	}

	async pick(choice: Choice): Promise<void> {
		const before = this.choice;
		this.keep(choice);
		if (choice.microphone !== before.microphone) await this.openMicrophone();
		if (choice.camera !== before.camera && choice.video) await this.openCamera();
	}

	async toggleCamera(): Promise<void> {
		this.keep({ ...this.choice, video: !this.choice.video || !this.camera });
		if (this.choice.video) await this.openCamera();
		else this.camera = letGo(this.camera);
	}

	async toggleMicrophone(): Promise<void> {
		this.keep({ ...this.choice, audio: !this.choice.audio || !this.microphone });
		if (this.choice.audio && !this.microphone) await this.openMicrophone();
	}

	async openCamera(): Promise<void> {
		this.camera = letGo(this.camera);
		try {
			this.camera = this.unless(await openCamera(this.choice.camera));
			this.cameraTrouble = null;
		} catch (error) {
			this.cameraTrouble = troubleOf(error);
		}
	}

	async openMicrophone(): Promise<void> {
		this.microphone = letGo(this.microphone);
		try {
			this.microphone = this.unless(await openMicrophone(this.choice.microphone));
			this.microphoneTrouble = null;
		} catch (error) {
			this.microphoneTrouble = troubleOf(error);
		}
		this.meter.watch(this.microphone);
	}

	/** The tracks go to the call; the trial is over. */
	handOver(): { camera: MediaStreamTrack | null; microphone: MediaStreamTrack | null } {
		const tracks = { camera: this.camera, microphone: this.microphone };
		this.camera = this.microphone = null;
		this.stop();
		return tracks;
	}

	stop(): void {
		this.over = true;
		this.meter.stop();
		this.camera = letGo(this.camera);
		this.microphone = letGo(this.microphone);
	}

	private keep(choice: Choice): void {
		this.choice = choice;
		remember(choice);
	}

	/** The person may have walked away while the browser asked. */
	private unless(track: MediaStreamTrack): MediaStreamTrack | null {
		return this.over ? letGo(track) : track;
	}
}

function letGo(track: MediaStreamTrack | null): null {
	track?.stop();
	return null;
}
