export { Sync, RESUME_MAX } from './sync.svelte';
export type { Person } from './directory.svelte';
