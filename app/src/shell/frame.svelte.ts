/** What the frame shows and what lies open in it. */
import type { Member, ProviderInfo } from '$lib/base';

class Frame {
	/** Who runs this and what is on offer here; null until the first answer. */
	provider = $state.raw<ProviderInfo | null>(null);
	/** The firm's people, once somebody has looked. */
	colleagues = $state.raw<readonly Member[]>([]);
	paletteOpen = $state(false);
	/** The right panel on narrow screens; on wide ones it stands there anyway. */
	panelOpen = $state(false);
	newSpaceOpen = $state(false);

	get hasMeetings(): boolean {
		return this.provider?.features.meet ?? false;
	}

	get hasFilms(): boolean {
		return this.provider?.features.media ?? false;
	}
}

export const frame = new Frame();
