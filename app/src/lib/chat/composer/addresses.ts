/** Addresses, inside this browser, of pictures that are on their way up. */
import type { Upload } from '$lib/base';

export const ADDRESSES_MAX = 100;

export class Addresses {
	private readonly held = new Map<string, string>();

	of(upload: Upload | undefined): string | undefined {
		if (!upload?.file) return undefined;
		const held = this.held.get(upload.id);
		if (held) return held;
		const made = URL.createObjectURL(upload.file);
		this.held.set(upload.id, made);
		for (const oldest of this.held.keys()) {
			if (this.held.size <= ADDRESSES_MAX) break;
			this.release(oldest);
		}
		return made;
	}

	release(upload: string): void {
		const address = this.held.get(upload);
		if (address) URL.revokeObjectURL(address);
		this.held.delete(upload);
	}
}
