/** One film being played: the video element, the engine below, and what is written down about it. No markup. */
import { begin, type Engine, type Quality, type Track } from './engine';
import type { Library } from './library.svelte';
import { startAt } from './rows';
import { readTiles, type TilePicture } from './tiles';
import type { Film } from './types';

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;
export const STEP_S = 10;
const WRITE_EVERY_MS = 10_000;
const MOVED_MS_MIN = 1_000;
const TILES_BYTES_MAX = 512 * 1024;
const EDGE_S = 1;
const LOUDNESS = 'verbund.media.volume';

export class Player {
	paused = $state(true);
	waiting = $state(true);
	ended = $state(false);
	time = $state(0);
	/** What can be reached now, in seconds; less than `length` while the film is being prepared. */
	reach = $state(0);
	buffered = $state(0);
	volume = $state(1);
	muted = $state(false);
	rate = $state(1);
	qualities = $state<Quality[]>([]);
	quality = $state(-1);
	shown = $state(0);
	sounds = $state<Track[]>([]);
	sound = $state(0);
	words = $state<Track[]>([]);
	word = $state(-1);
	tiles = $state<TilePicture[]>([]);
	trouble = $state<'network' | 'media' | null>(null);
	/** A start without sound, because the browser allows no other. */
	hushed = $state(false);

	#engine: Engine | null = null;
	#written = -1;
	#timer: ReturnType<typeof setInterval> | undefined;
	#off: (() => void)[] = [];
	#gone = false;

	constructor(
		readonly library: Library,
		readonly film: Film,
		readonly video: HTMLVideoElement
	) {
		const loudness = Number(localStorage.getItem(LOUDNESS) ?? '1');
		video.volume = Number.isFinite(loudness) ? Math.min(1, Math.max(0, loudness)) : 1;
		for (const event of ['play', 'pause', 'playing', 'waiting', 'seeking', 'seeked', 'timeupdate', 'durationchange', 'progress', 'volumechange', 'ratechange', 'ended', 'canplay'])
			this.#listen(video, event, () => this.#read());
		this.#listen(video, 'pause', () => this.write());
		this.#listen(video, 'ended', () => this.write());
		this.#listen(video, 'playing', () => (this.trouble = null));
		this.#listen(document, 'visibilitychange', () => document.hidden && this.write());
		this.#listen(window, 'pagehide', () => this.write());
		this.#timer = setInterval(() => !this.paused && this.write(), WRITE_EVERY_MS);
	}

	get length(): number {
		return Math.max(this.film.duration_ms / 1000, this.reach) || 0;
	}

	/** Load and play. `start` in seconds; null = where the person left. */
	async begin(start: number | null): Promise<void> {
		const from = start ?? startAt(this.film);
		this.time = from;
		const engine = await begin(this.video, {
			url: `${this.film.media}master.m3u8`, start: from,
			changed: () => this.#readTracks(),
			failed: (fatal) => (this.trouble = fatal)
		});
		if (this.#gone) return engine.destroy();
		this.#engine = engine;
		await this.play();
	}

	async play(): Promise<void> {
		try {
			await this.video.play();
		} catch (error) {
			if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
			this.video.muted = true;
			this.hushed = true;
			await this.video.play().catch(() => undefined);
		}
	}

	toggle(): void {
		if (this.video.paused) void this.play();
		else this.video.pause();
	}

	seek(seconds: number): void {
		const to = Math.min(Math.max(0, seconds), Math.max(0, this.reach - EDGE_S));
		this.video.currentTime = to;
		this.time = to;
		this.ended = false;
	}

	step(seconds: number): void {
		this.seek(this.video.currentTime + seconds);
	}

	setVolume(volume: number): void {
		this.video.volume = Math.min(1, Math.max(0, volume));
		this.video.muted = volume <= 0;
		localStorage.setItem(LOUDNESS, String(this.video.volume));
	}

	mute(): void {
		this.video.muted = !this.video.muted;
		this.hushed = false;
	}

	setRate(rate: number): void {
		this.video.playbackRate = rate;
	}

	setQuality(index: number): void {
		if (this.#engine) this.#engine.quality = index;
		this.quality = index;
	}

	setSound(index: number): void {
		if (this.#engine) this.#engine.sound = index;
		this.sound = index;
	}

	setWord(index: number): void {
		if (this.#engine) this.#engine.word = index;
		this.word = index;
	}

	/** Write down how far the person got, when it changed. */
	write(): void {
		const position = Math.round(this.video.currentTime * 1000);
		if (position <= 0 || Math.abs(position - this.#written) < MOVED_MS_MIN || this.video.readyState === 0) return;
		this.#written = position;
		void this.library.watched(this.film, position, this.length * 1000).catch(() => (this.#written = -1));
	}

	destroy(): void {
		this.write();
		this.#gone = true;
		clearInterval(this.#timer);
		for (const off of this.#off) off();
		this.#engine?.destroy();
	}

	#listen(target: EventTarget, event: string, call: () => void): void {
		target.addEventListener(event, call);
		this.#off.push(() => target.removeEventListener(event, call));
	}

	#read(): void {
		const { video } = this;
		this.paused = video.paused;
		this.ended = video.ended;
		this.waiting = !video.paused && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
		if (video.readyState > 0) this.time = video.currentTime;
		const reach = video.seekable.length ? video.seekable.end(video.seekable.length - 1) : 0;
		this.reach = Number.isFinite(video.duration) ? Math.max(reach, 0) || video.duration : reach;
		this.buffered = this.#bufferedAt(video.currentTime);
		this.volume = video.volume;
		this.muted = video.muted;
		this.rate = video.playbackRate;
		this.shown = this.#engine?.shown() ?? 0;
	}

	#bufferedAt(time: number): number {
		const { buffered } = this.video;
		for (let index = 0; index < buffered.length; index++)
			if (buffered.start(index) <= time + 0.5 && buffered.end(index) >= time) return buffered.end(index);
		return time;
	}

	#readTracks(): void {
		const engine = this.#engine;
		if (!engine) return void queueMicrotask(() => this.#engine && this.#readTracks());
		this.qualities = engine.qualities().sort((one, other) => other.height - one.height);
		this.quality = engine.quality;
		this.sounds = engine.sounds();
		this.sound = engine.sound;
		this.words = engine.words();
		this.word = engine.word;
		this.#read();
	}

	/** The pictures of the scrub bar, once the film is prepared. */
	async loadTiles(): Promise<void> {
		if (this.tiles.length) return;
		try {
			const answer = await fetch(`${this.film.media}tiles.vtt`, { credentials: 'same-origin' });
			if (!answer.ok) return;
			const text = await answer.text();
			if (text.length <= TILES_BYTES_MAX) this.tiles = readTiles(text, this.film.media);
		} catch {
			// Pictures on the bar are a comfort; without them the times remain.
		}
	}
}
