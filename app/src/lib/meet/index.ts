/**
 * meet: video calls. The shell calls `startMeet(sync)` once, before any space is followed, and places `CallRing` and
 * `CallDock` (by their own files under `$lib/meet/ui/`, as all components, so that the first load stays small).
 */
export { startMeet, useMeet, type Meet } from './meet.svelte';
export type { Call } from './call.svelte';
export { CALL_ROW, type CallRow } from './fold';
export type { RunningCall } from './wire';
