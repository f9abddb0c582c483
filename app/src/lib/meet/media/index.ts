/** media: the browser's side of the SFU, without a framework; the tests' pages use the same. */
export { Publisher, type LinkState } from './publisher';
export { Subscriber, type Received } from './subscriber';
