/** shell: the frame around every room, where the capabilities meet. Routes use it; capabilities do not know it. */
export { dock } from './dock.svelte';
export { frame } from './frame.svelte';
export { default as Page } from './Page.svelte';
export * as places from './places';
export { startAgain } from './boot.svelte';
