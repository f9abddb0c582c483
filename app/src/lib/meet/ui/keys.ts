/** Keys of the stage: M, V, S, L; the space bar held down speaks while the microphone is off. */
import type { Call } from '../call.svelte';

const TYPING = 'input, textarea, select, [contenteditable="true"]';
const PRESSABLE = `${TYPING}, button, a, [role="menuitem"], [role="option"]`;

export interface Keys {
	down: (event: KeyboardEvent) => void;
	up: (event: KeyboardEvent) => void;
	release: () => void;
}

export function keysFor(call: () => Call, leave: () => void): Keys {
	let speaking = false;

	function release(): void {
		if (speaking) void call().toggleMicrophone(false);
		speaking = false;
	}
	function down(event: KeyboardEvent): void {
		if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
		const target = event.target instanceof Element ? event.target : null;
		if (target?.closest(TYPING)) return;
		if (event.key === ' ') {
			if (target?.closest(PRESSABLE)) return;
			event.preventDefault();
			if (event.repeat || speaking || call().audioOn) return;
			speaking = true;
			void call().toggleMicrophone(true);
			return;
		}
		if (event.repeat) return;
		const key = event.key.toLowerCase();
		if (key === 'm') void call().toggleMicrophone();
		else if (key === 'v') void call().toggleCamera();
		else if (key === 's') void call().toggleScreen();
		else if (key === 'l') leave();
		else return;
		event.preventDefault();
	}
	function up(event: KeyboardEvent): void {
		if (event.key === ' ') release();
	}
	return { down, up, release };
}
