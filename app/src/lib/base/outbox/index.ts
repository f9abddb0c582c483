export * from './outbox';
export { BATCH_MAX, Sender } from './sender';
export type { Pen } from './writing';
