export { RESUME_MAX } from './following';
export { SET_ASIDE } from './facts';
export { Sync } from './sync.svelte';
export type { Person } from './directory.svelte';
