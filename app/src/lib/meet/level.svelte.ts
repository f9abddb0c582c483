/** How loud a microphone is, measured on the very track that is sent. */

/** Quieter than this (dBFS) counts as silence. */
const FLOOR_DB = -60;
const POLL_MS = 60;
/** Falls back slowly, so that the eye can follow. */
const FALL_PER_POLL = 0.06;
/** So long without any sound while it is on: the person should know. */
export const SILENT_AFTER_MS = 4_000;
const HEARD_LEVEL = 0.12;

export class LevelMeter {
	/** 0 silence … 1 full scale, on the decibel scale that ears have. */
	level = $state(0);
	/** Nothing was heard for SILENT_AFTER_MS. */
	silent = $state(false);
	private context: AudioContext | null = null;
	private timer: ReturnType<typeof setInterval> | undefined;
	private heardAt = 0;

	/** Measures this track; null: nothing. */
	watch(track: MediaStreamTrack | null): void {
		this.stop();
		if (!track || typeof AudioContext === 'undefined') return;
		this.context = new AudioContext();
		const analyser = this.context.createAnalyser();
		analyser.fftSize = 1024;
		this.context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
		void this.context.resume();
		const samples = new Float32Array(analyser.fftSize);
		this.heardAt = performance.now();
		this.timer = setInterval(() => {
			analyser.getFloatTimeDomainData(samples);
			this.take(levelOf(samples));
		}, POLL_MS);
	}

	stop(): void {
		clearInterval(this.timer);
		void this.context?.close();
		this.context = null;
		this.level = 0;
		this.silent = false;
	}

	private take(level: number): void {
		const now = performance.now();
		this.level = Math.max(level, this.level - FALL_PER_POLL, 0);
		if (level > HEARD_LEVEL) this.heardAt = now;
		this.silent = now - this.heardAt > SILENT_AFTER_MS;
	}
}

/** Root mean square of samples (−1…1) → 0…1 over FLOOR_DB…0 dBFS. */
export function levelOf(samples: Float32Array): number {
	let sum = 0;
	for (const sample of samples) sum += sample * sample;
	const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
	return Math.min(1, Math.max(0, 1 - decibels / FLOOR_DB));
}
