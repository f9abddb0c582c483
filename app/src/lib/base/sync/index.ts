export { RESUME_MAX } from './following';
export { Sync } from './sync.svelte';
export type { Person } from './directory.svelte';
