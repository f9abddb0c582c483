/** Addresses of files and the room that pictures take. Pure. */
import type { FileRef } from './message';

/** What the previews are made of; other pictures are offered as files. */
const PICTURE_TYPES = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif']);

export const PICTURE_WIDTH_MAX = 440;
export const PICTURE_HEIGHT_MAX = 320;
const SEVERAL_HEIGHT = 160;
const WIDTH_MIN = 72;

export function isPicture(file: FileRef): boolean {
	return PICTURE_TYPES.has(file.type) && (file.width ?? 0) > 0 && (file.height ?? 0) > 0;
}

export function blobAddress(space: string, hash: string): string {
	return `/blobs/${space}/${hash}`;
}

export function previewAddress(space: string, hash: string, width: number): string {
	return `${blobAddress(space, hash)}?as=preview&w=${width}`;
}

/** The room kept free for a picture, in pixels; never larger than the picture. */
export function shownSize(file: FileRef, several: boolean): { width: number; height: number } {
	const width = file.width ?? 1;
	const height = file.height ?? 1;
	const scale = several
		? SEVERAL_HEIGHT / height
		: Math.min(1, PICTURE_WIDTH_MAX / width, PICTURE_HEIGHT_MAX / height);
	const wide = Math.round(Math.min(PICTURE_WIDTH_MAX, Math.max(WIDTH_MIN, width * scale)));
	return { width: wide, height: Math.round(Math.max(WIDTH_MIN / 2, Math.min(PICTURE_HEIGHT_MAX, height * scale))) };
}
