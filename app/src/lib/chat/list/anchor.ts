/**
 * Keeps what somebody looks at where it is while messages come in above or below. Browsers differ in what their own scroll
 * anchoring does (one has none), so it is switched off and done here.
 */

/** Nearer than this to the end, in pixels, counts as being at the end. */
export const BOTTOM_PX = 48;

export interface Anchor {
	/** At the end: stay there. Otherwise the first message in sight and its place. */
	id: string | null;
	top: number;
}

export function distanceToBottom(scroller: HTMLElement): number {
	return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
}

/** Where the reader is, taken before the list changes. */
export function takeAnchor(scroller: HTMLElement): Anchor {
	const edge = scroller.getBoundingClientRect().top;
	for (const element of scroller.querySelectorAll<HTMLElement>('[data-message]')) {
		const box = element.getBoundingClientRect();
		if (box.bottom > edge + 1) return { id: element.dataset.message!, top: box.top };
	}
	return { id: null, top: 0 };
}

/** Put the reader back there, after the list has changed. Returns false when that message is gone. */
export function restoreAnchor(scroller: HTMLElement, anchor: Anchor): boolean {
	if (anchor.id === null) return false;
	const element = messageElement(scroller, anchor.id);
	if (!element) return false;
	const moved = element.getBoundingClientRect().top - anchor.top;
	if (moved !== 0) scroller.scrollTop += moved;
	return true;
}

export function messageElement(scroller: HTMLElement, id: string): HTMLElement | null {
	return scroller.querySelector<HTMLElement>(`[data-message="${CSS.escape(id)}"]`);
}

export function toBottom(scroller: HTMLElement): void {
	scroller.scrollTop = scroller.scrollHeight;
}
