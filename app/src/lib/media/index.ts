/** media: the library and the player. The shell calls `startMedia(sync)` once; rooms take the components. */
export { default as Continue } from './Continue.svelte';
export { startMedia, useLibrary } from './current.svelte';
export { default as FilmStage } from './FilmStage.svelte';
export { stage } from './stage.svelte';
export { canWatch } from './rows';
export type { Film } from './types';
