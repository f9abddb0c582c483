/** Opens something when a finger rests on one of the elements inside; a moving finger scrolls and opens nothing. */
import type { Attachment } from 'svelte/attachments';

const HOLD_MS = 450;
const MOVE_PX = 10;
/** A click comes within this time after the finger is lifted. */
const LIFTED_MS = 350;

export function longPress(selector: string, open: (pressed: HTMLElement) => void): Attachment<HTMLElement> {
	const within = (event: Event) => (event.target as Element).closest<HTMLElement>(selector);
	return (element) => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let from = { x: 0, y: 0 };
		const stop = () => clearTimeout(timer);
		const down = (event: PointerEvent) => {
			stop();
			const pressed = within(event);
			if (event.pointerType !== 'touch' || !pressed) return;
			from = { x: event.clientX, y: event.clientY };
			timer = setTimeout(() => {
				swallowClick();
				open(pressed);
			}, HOLD_MS);
		};
		const move = (event: PointerEvent) => {
			if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > MOVE_PX) stop();
		};
		// The browser's own menu would cover the sheet.
		const menu = (event: Event) => {
			if ((event as PointerEvent).pointerType === 'touch' && within(event)) event.preventDefault();
		};
		const listeners = { pointerdown: down, pointermove: move, pointerup: stop, pointercancel: stop, contextmenu: menu };
		for (const [type, listener] of Object.entries(listeners)) element.addEventListener(type, listener as EventListener);
		return () => {
			stop();
			for (const [type, listener] of Object.entries(listeners)) element.removeEventListener(type, listener as EventListener);
		};
	};
}

/** The finger that opened something is still down: lifting it must not press what appeared under it. */
function swallowClick(): void {
	const swallow = (event: Event) => {
		event.preventDefault();
		event.stopPropagation();
	};
	const lifted = () => setTimeout(() => removeEventListener('click', swallow, true), LIFTED_MS);
	addEventListener('click', swallow, { capture: true, once: true });
	addEventListener('pointerup', lifted, { capture: true, once: true });
	addEventListener('pointercancel', lifted, { capture: true, once: true });
}
