/** A small text beside what a pointer rests on or the keyboard stands on. The element's own label says the same. */
import type { Attachment } from 'svelte/attachments';
import { place, type Side } from './place';

const REST_MS = 500;
let bubble: HTMLElement | null = null;

function shown(text: string): HTMLElement {
	bubble ??= document.createElement('div');
	bubble.className = 'tooltip';
	bubble.setAttribute('popover', 'manual');
	bubble.setAttribute('aria-hidden', 'true');
	bubble.textContent = text;
	document.body.append(bubble);
	bubble.showPopover();
	return bubble;
}

export function tooltip(text: string, side: Side = 'bottom'): Attachment<HTMLElement> {
	return (element) => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		const hide = () => {
			clearTimeout(timer);
			if (bubble?.isConnected) bubble.remove();
		};
		const show = () => element.isConnected && !element.matches('[aria-expanded="true"]') && place(shown(text), element.getBoundingClientRect(), side, 'center');
		const rest = (event: PointerEvent) => {
			if (event.pointerType === 'touch') return;
			clearTimeout(timer);
			timer = setTimeout(show, REST_MS);
		};
		const focus = () => element.matches(':focus-visible') && show();
		const key = (event: KeyboardEvent) => event.key === 'Escape' && hide();
		const listeners: [string, EventListener][] = [
			['pointerenter', rest as EventListener],
			['pointerleave', hide],
			['pointerdown', hide],
			['focus', focus],
			['blur', hide],
			['click', hide],
			['keydown', key as EventListener]
		];
		for (const [type, listener] of listeners) element.addEventListener(type, listener);
		return () => {
			hide();
			for (const [type, listener] of listeners) element.removeEventListener(type, listener);
		};
	};
}
