import { readFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';
import { expect, it } from 'vitest';
import { KINDS } from './kinds';

it('the types of the API are those of protocol/openapi.json: else run `npm run api:generate`', async () => {
	const made = astToString(await openapiTS(new URL('../../../../../protocol/openapi.json', import.meta.url)));
	const committed = readFileSync(new URL('./api.d.ts', import.meta.url), 'utf8');
	expect(committed.slice(committed.indexOf('export interface paths'))).toBe(made.slice(made.indexOf('export interface paths')));
});

it('the kinds of facts are those of protocol/events.json: else run `npm run api:generate`', () => {
	const events = JSON.parse(readFileSync(new URL('../../../../../protocol/events.json', import.meta.url), 'utf8')) as object;
	expect([...KINDS]).toEqual(Object.keys(events));
});
