/** Makes the others heard: one audio element per voice, outside of every room, through the speaker that was chosen. */
import type { Received } from './media';

type Sounding = HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };

export class Voices {
	private readonly elements = new Map<string, { track: MediaStreamTrack; audio: Sounding }>();

	/** Exactly these voices sound from now on. */
	play(received: readonly Received[], speaker: string): void {
		const voices = received.filter((one) => one.label === 'microphone');
		const wanted = new Set(voices.map((one) => one.person));
		for (const person of [...this.elements.keys()]) if (!wanted.has(person)) this.mute(person);
		for (const { person, track } of voices) {
			if (this.elements.get(person)?.track === track) continue;
			this.mute(person);
			const audio: Sounding = new Audio();
			audio.srcObject = new MediaStream([track]);
			this.elements.set(person, { track, audio });
			send(audio, speaker);
			void audio.play().catch(() => undefined);
		}
	}

	through(speaker: string): void {
		for (const { audio } of this.elements.values()) send(audio, speaker);
	}

	stop(): void {
		for (const person of [...this.elements.keys()]) this.mute(person);
	}

	private mute(person: string): void {
		const held = this.elements.get(person);
		if (held) held.audio.srcObject = null;
		this.elements.delete(person);
	}
}

/** Firefox and Safari may lack it: the system's own speaker stays. */
function send(audio: Sounding, speaker: string): void {
	void audio.setSinkId?.(speaker).catch(() => undefined);
}
