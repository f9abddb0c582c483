/** What becomes true by and by: the bound only ends a test that would wait for ever. */
import { expect, vi } from 'vitest';

const GIVEN_UP_AFTER_MS = 15_000;

/** In a test: `await eventually(() => …).toBe(…)`. */
export const eventually = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: GIVEN_UP_AFTER_MS, interval: 10 });

/** Before tests. */
export const until = (look: () => boolean): Promise<boolean> =>
	vi.waitUntil(look, { timeout: GIVEN_UP_AFTER_MS, interval: 10 });
