/** Camera and microphone of this machine: open them, remember which ones the person chose, say why they do not come. */

const REMEMBERED_KEY = 'verbund.devices';
export const CAMERA_WIDTH = 1280;
export const CAMERA_HEIGHT = 720;
export const CAMERA_FPS = 24;

/** What the person chose last in this browser; empty ids: the system's own choice. */
export interface Choice {
	camera: string;
	microphone: string;
	speaker: string;
	/** Comes in with the camera, the microphone on. */
	video: boolean;
	audio: boolean;
}

export type Trouble = 'blocked' | 'missing' | 'busy' | 'insecure' | 'failed';

const DEFAULT: Choice = { camera: '', microphone: '', speaker: '', video: true, audio: true };

export function remembered(): Choice {
	try {
		return { ...DEFAULT, ...(JSON.parse(localStorage.getItem(REMEMBERED_KEY) ?? '{}') as Partial<Choice>) };
	} catch {
		return { ...DEFAULT };
	}
}

export function remember(choice: Choice): void {
	try {
		localStorage.setItem(REMEMBERED_KEY, JSON.stringify(choice));
	} catch {
		// Without a store the choice holds for this page.
	}
}

/** The camera of this id, or another where it is gone. Rejects with what `troubleOf` understands. */
export function openCamera(id: string): Promise<MediaStreamTrack> {
	const size = { width: { ideal: CAMERA_WIDTH }, height: { ideal: CAMERA_HEIGHT }, frameRate: { ideal: CAMERA_FPS, max: 30 } };
	return open('video', { ...size, ...(id ? { deviceId: { ideal: id } } : { facingMode: { ideal: 'user' } }) });
}

export function openMicrophone(id: string): Promise<MediaStreamTrack> {
	const clear = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
	return open('audio', { ...clear, ...(id ? { deviceId: { ideal: id } } : {}) });
}

/** The person chooses window or screen in the browser's own dialog. */
export async function openScreen(): Promise<MediaStreamTrack> {
	const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false });
	const track = stream.getVideoTracks()[0]!;
	track.contentHint = 'detail';
	return track;
}

export const canShareScreen = () => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

export interface Devices {
	cameras: MediaDeviceInfo[];
	microphones: MediaDeviceInfo[];
	speakers: MediaDeviceInfo[];
}

/** Names are empty until the person has allowed something. */
export async function listDevices(): Promise<Devices> {
	const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
	const of = (kind: MediaDeviceKind) => all.filter((one) => one.kind === kind && one.deviceId !== '');
	return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: of('audiooutput') };
}

/** Why getUserMedia said no (Media Capture and Streams, section 10.4). */
export function troubleOf(error: unknown): Trouble {
	if (!globalThis.isSecureContext || !navigator.mediaDevices) return 'insecure';
	switch ((error as DOMException | undefined)?.name) {
		case 'NotAllowedError':
		case 'SecurityError':
			return 'blocked';
		case 'NotFoundError':
		case 'OverconstrainedError':
			return 'missing';
		case 'NotReadableError':
		case 'AbortError':
			return 'busy';
		default:
			return 'failed';
	}
}

async function open(kind: 'audio' | 'video', constraints: MediaTrackConstraints): Promise<MediaStreamTrack> {
	const stream = await navigator.mediaDevices.getUserMedia({ [kind]: constraints });
	return stream.getTracks()[0]!;
}
