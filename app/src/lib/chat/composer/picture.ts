/** Measures pictures before they are sent, so that nobody's list jumps. */

const MEASURE_TIMEOUT_MS = 5_000;

export interface Pixels {
	width: number;
	height: number;
}

/** The size in pixels as it is shown, or null for what this browser cannot show. */
export async function measurePicture(file: Blob): Promise<Pixels | null> {
	const address = URL.createObjectURL(file);
	const image = new Image();
	const measured = new Promise<Pixels | null>((resolve) => {
		image.onload = () => resolve(image.naturalWidth > 0 ? { width: image.naturalWidth, height: image.naturalHeight } : null);
		image.onerror = () => resolve(null);
		setTimeout(() => resolve(null), MEASURE_TIMEOUT_MS);
	});
	image.src = address;
	return measured.finally(() => URL.revokeObjectURL(address));
}
