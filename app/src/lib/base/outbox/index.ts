export * from './outbox';
export { Sender } from './sender';
export type { Pen } from './writing';
