/**
 * What turns a playlist into playing pictures: hls.js where the browser has Media Source Extensions, the browser's own
 * HLS otherwise (Safari on iPhone). Loaded only when somebody watches.
 */
import type Hls from 'hls.js';
import type { FragmentLoaderContext, HlsConfig, LoaderCallbacks, LoaderConfiguration, LoadPolicy } from 'hls.js';

export interface Quality {
	index: number;
	height: number;
	kbps: number;
}

export interface Track {
	index: number;
	label: string;
	language: string;
}

/** What the player can do with whatever plays underneath. `duration` grows while a film is being prepared. */
export interface Engine {
	qualities(): Quality[];
	/** -1 = automatic. */
	quality: number;
	sounds(): Track[];
	sound: number;
	words(): Track[];
	/** -1 = off. */
	word: number;
	/** The height that is on the screen now, in pixels; 0 = not known. */
	shown(): number;
	destroy(): void;
}

export interface Wishes {
	url: string;
	start: number;
	changed: () => void;
	failed: (fatal: 'network' | 'media') => void;
}

const STALL_ALONE_MS = 8_000;
const STALL_WITH_OTHERS_MS = 1_500;
const WATCH_MS = 100;
const RETRIES_ALONE = 8;
const MEDIA_RECOVERIES_MAX = 2;
const NETWORK_RETRY_MS = 1_500;
const NETWORK_RETRIES_MAX = 40;

/** Retry rules. With a second provider the first is left at once; alone it is asked again, patiently. */
export function policy(alone: boolean, loadMs: number): LoadPolicy {
	const again = { maxNumRetry: alone ? RETRIES_ALONE : 0, retryDelayMs: 400, maxRetryDelayMs: 4_000, backoff: 'linear' as const };
	return { default: { maxTimeToFirstByteMs: alone ? 10_000 : 2_500, maxLoadTimeMs: alone ? 60_000 : loadMs, timeoutRetry: again, errorRetry: again } };
}

export async function begin(video: HTMLVideoElement, wishes: Wishes): Promise<Engine> {
	const { default: HlsClass } = await import('hls.js');
	if (HlsClass.isSupported()) return viaHls(HlsClass, video, wishes);
	return native(video, wishes);
}

function viaHls(HlsClass: typeof Hls, video: HTMLVideoElement, wishes: Wishes): Engine {
	const hls = new HlsClass({ ...settings(HlsClass), startPosition: wishes.start });
	hls.on(HlsClass.Events.MANIFEST_PARSED, (_, data) => {
		const pathways = new Set(data.levels.map((level) => level.pathwayId));
		const alone = pathways.size < 2;
		hls.config.fragLoadPolicy = policy(alone, 10_000);
		hls.config.playlistLoadPolicy = policy(alone, 6_000);
		stallMs = alone ? STALL_ALONE_MS : STALL_WITH_OTHERS_MS;
		hls.subtitleTrack = -1;
		wishes.changed();
	});
	for (const event of [HlsClass.Events.LEVEL_SWITCHED, HlsClass.Events.LEVEL_UPDATED, HlsClass.Events.AUDIO_TRACKS_UPDATED, HlsClass.Events.SUBTITLE_TRACKS_UPDATED, HlsClass.Events.AUDIO_TRACK_SWITCHED] as const)
		hls.on(event, () => wishes.changed());
	recover(HlsClass, hls, wishes);
	hls.loadSource(wishes.url);
	hls.attachMedia(video);
	return {
		qualities: () => hls.levels.map((level, index) => ({ index, height: Math.min(level.height, level.width || level.height), kbps: Math.round(level.bitrate / 1000) })),
		get quality() {
			return hls.autoLevelEnabled ? -1 : hls.currentLevel;
		},
		set quality(index) {
			hls.nextLevel = index;
		},
		sounds: () => hls.audioTracks.map((track, index) => ({ index, label: track.name, language: track.lang ?? '' })),
		get sound() {
			return hls.audioTrack;
		},
		set sound(index) {
			hls.audioTrack = index;
		},
		words: () => hls.subtitleTracks.map((track, index) => ({ index, label: track.name, language: track.lang ?? '' })),
		get word() {
			return hls.subtitleTrack;
		},
		set word(index) {
			hls.subtitleTrack = index;
			hls.subtitleDisplay = index >= 0;
		},
		shown: () => {
			const level = hls.levels[hls.currentLevel];
			return level ? Math.min(level.height, level.width || level.height) : 0;
		},
		destroy: () => hls.destroy()
	};
}

let stallMs = STALL_ALONE_MS;

function settings(HlsClass: typeof Hls): Partial<HlsConfig> {
	return {
		// A worker's address would have to pass Trusted Types; fMP4 needs none.
		enableWorker: false,
		capLevelToPlayerSize: true,
		maxBufferLength: 30,
		maxMaxBufferLength: 60,
		backBufferLength: 30,
		lowLatencyMode: false,
		subtitlePreference: undefined,
		fragLoadPolicy: policy(true, 10_000),
		playlistLoadPolicy: policy(true, 6_000),
		manifestLoadPolicy: policy(true, 6_000),
		fLoader: watched(HlsClass)
	};
}

/**
 * A loader that gives up when a response stops in the middle: hls.js itself waits for its end.
 * `onTimeout` first, then abort: the other way round hls.js takes it for its own abort and asks the same host for ever.
 */
function watched(HlsClass: typeof Hls): HlsConfig['fLoader'] {
	const Base = HlsClass.DefaultConfig.loader as unknown as new (config: HlsConfig) => {
		stats: { loaded: number };
		load(context: FragmentLoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<FragmentLoaderContext>): void;
		abortInternal?(): void;
		destroy(): void;
		abort(): void;
	};
	class Watched extends Base {
		#timer: ReturnType<typeof setInterval> | undefined;

		override load(context: FragmentLoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<FragmentLoaderContext>): void {
			let seen = -1;
			let since = performance.now();
			const ended = <Callback>(callback: Callback): Callback =>
				((...args: unknown[]) => {
					clearInterval(this.#timer);
					return (callback as (...all: unknown[]) => unknown)(...args);
				}) as Callback;
			this.#timer = setInterval(() => {
				if (this.stats.loaded !== seen) {
					seen = this.stats.loaded;
					since = performance.now();
				} else if (seen > 0 && performance.now() - since > stallMs) {
					clearInterval(this.#timer);
					callbacks.onTimeout(this.stats as never, context, null);
					this.abortInternal?.();
				}
			}, WATCH_MS);
			super.load(context, config, { ...callbacks, onSuccess: ended(callbacks.onSuccess), onError: ended(callbacks.onError), onTimeout: ended(callbacks.onTimeout) });
		}
		override abort(): void {
			clearInterval(this.#timer);
			super.abort();
		}
		override destroy(): void {
			clearInterval(this.#timer);
			super.destroy();
		}
	}
	return Watched as unknown as HlsConfig['fLoader'];
}

/** A fatal error is answered a bounded number of times; then the person is told. */
function recover(HlsClass: typeof Hls, hls: Hls, wishes: Wishes): void {
	let media = 0;
	let network = 0;
	hls.on(HlsClass.Events.FRAG_LOADED, () => (network = 0));
	hls.on(HlsClass.Events.ERROR, (_, data) => {
		if (!data.fatal) return;
		if (data.type === HlsClass.ErrorTypes.MEDIA_ERROR && media++ < MEDIA_RECOVERIES_MAX) return hls.recoverMediaError();
		if (data.type === HlsClass.ErrorTypes.NETWORK_ERROR && network++ < NETWORK_RETRIES_MAX) {
			wishes.failed('network');
			setTimeout(() => {
				if (!hls.media) return;
				if (hls.levels.length) hls.startLoad();
				else hls.loadSource(wishes.url);
			}, NETWORK_RETRY_MS);
			return;
		}
		wishes.failed(data.type === HlsClass.ErrorTypes.NETWORK_ERROR ? 'network' : 'media');
	});
}

function native(video: HTMLVideoElement, wishes: Wishes): Engine {
	video.src = wishes.url;
	const jump = () => {
		if (wishes.start > 0) video.currentTime = wishes.start;
		wishes.changed();
	};
	video.addEventListener('loadedmetadata', jump, { once: true });
	const texts = () => [...video.textTracks].filter((track) => track.kind === 'subtitles' || track.kind === 'captions');
	return {
		qualities: () => [],
		quality: -1,
		sounds: () => [],
		sound: 0,
		words: () => texts().map((track, index) => ({ index, label: track.label, language: track.language })),
		get word() {
			return texts().findIndex((track) => track.mode === 'showing');
		},
		set word(index) {
			texts().forEach((track, at) => (track.mode = at === index ? 'showing' : 'disabled'));
		},
		shown: () => video.videoHeight,
		destroy: () => {
			video.removeAttribute('src');
			video.load();
		}
	};
}
