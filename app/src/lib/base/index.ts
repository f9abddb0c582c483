/**
 * base: what every capability of the app stands on. Import from `$lib/base` only, never from its files.
 *
 * BEFORE SIGNING IN (welcome, login; no Sync yet)
 *   openStore(): Promise<Store>                       the browser's IndexedDB, one per tab
 *   Device.create(store): Promise<Device>             a new key, non-extractable; replaces the old one
 *   Device.load(store): Promise<Device | null>
 *   device.id · device.alg · device.key (b64u of the raw public key) → the `device:{alg,key,label}` of POST /api/sessions
 *   new Scribe(device): writes facts without an outbox, for POST /api/accounts:
 *     scribe.write(space | null, kind, body, {re?, ah?, derived?}): Promise<{id, space, parcel}>
 *       space null = genesis of a new space; scribe numbers and chains per space in memory. Create a fresh Device for
 *       every attempt of registering: a number once sent is never used again.
 *   enter(device): a session at the page's own provider, by the key of a device that it knows
 *   directSpace(accounts): SpaceId · personalSpace(account): SpaceId
 *   api.get<T>(path, {query?, signal?}) · api.post<T>(path, body?) · api.put · api.delete
 *     same origin JSON; throws ApiError {code, status, detail} (detail = the sentence to show), Offline when there is no answer
 *
 * SIGNED IN (one Sync per tab, made by the shell: `startSync()`; others take it by `useSync()`)
 *   startSync(): Promise<Sync>            loads the stored `me` at once (works offline), then connects. Throws SignedOut.
 *   sync.me: Me                           reactive; sync.space(id): SpaceSummary | undefined
 *   sync.state: LiveState                 reactive: 'connecting' | 'online' | 'offline' | 'signed_out'
 *   sync.trouble: Trouble | null          reactive: {code, detail: the sentence, about}; set null to dismiss
 *   sync.waiting: number                  reactive: facts in the outbox that no provider has accepted
 *   sync.now(): number                    ms by the provider's clock
 *   sync.reload(): Promise<void>          fetch /api/me again (also happens by itself on the `spaces` frame)
 *   sync.signOut(): Promise<void>         ends the session, deletes everything stored here
 *
 *   sync.post(space | null, kind, body, {re?, ah?, derived?}): Promise<CoreId>
 *     numbered, signed, stored strictly, then applied at once as `pending`, then sent. space null = genesis: the id is the new space.
 *     `derived: true`: first core of a direct/personal space (`authority.direct_opened.1`, `personal_opened.1`): carries sp, ah empty.
 *     Rejects only with NotCanonical/TooLarge/Storage trouble; a provider's no arrives as the fact with state 'refused'.
 *   sync.retry(id) · sync.discard(id)     for refused facts
 *   sync.on(kind | kinds, (fact, rows) => void): () => void
 *     the fold: pending, then accepted/durable/refused; order as the sub-log says; write rows only by `rows` (RowWriter).
 *     Register before `follow`/at module start; facts of kinds that nobody folds are skipped.
 *   sync.onReset((space) => void)         the cache of this space was dropped (too far behind): load it by query again
 *   sync.rows<V>(space, kind, {limit?, before?}): Promise<Row<V>[]>     newest `limit` rows by stamp, returned ascending
 *   sync.row<V>(space, kind, id): Promise<Row<V> | undefined>
 *   sync.seed(space, rows, vector, {replace?: kinds})   rows of a query answer with the vector it was computed at, one transaction
 *   sync.vector(space): Vector            what is held here
 *   sync.follow(space, from?: Vector)     all spaces of `me` are followed by themselves; for spaces outside of it (guests' meeting)
 *   sync.unfollow(space)
 *   sync.members(space): Promise<Member[]> (without those who are gone) · sync.name(account): string | undefined (reactive directory) · sync.person(account)
 *
 *   sync.call<T>(method, data, {timeoutMs?}): Promise<T>     RPC over the socket; throws ApiError | Offline
 *   sync.signal(space, kind, data): boolean                 fire and forget; false when not online
 *   sync.onSignal(kind, (signal) => void): () => void        'typing', 'presence', 'meet.…'
 *   sync.here: ProviderId                 the provider that serves now; sync.places: ProviderId[] where one can go on
 *   sync.line(provider): Line | null      a second connection, to that provider; the caller ends it
 *   sync.onOnline(() => void): () => void                   after every (re)connect, when `hello` came
 *
 *   sync.draft(space, key): Promise<unknown> · sync.setDraft(space, key, value | null)
 *   sync.uploads.add(space, file): Promise<Upload>
 *     upload.id, upload.hash (after hashing), upload.progress 0…1, upload.state 'hashing'|'waiting'|'sending'|'done'|'failed'|'cancelled' (reactive),
 *     upload.done: Promise<BlobHash>, upload.cancel(), upload.retry(); continues after a reload: sync.uploads.list (reactive)
 *
 * WITHOUT A NETWORK
 *   registerShell(): Promise<void>        registers the service worker; the shell calls it once (does nothing in `vite dev`)
 *   shell.updateReady: boolean            reactive: a newer version is complete; shell.update() loads it
 *
 *   msOf(t) · stampOf(core) · isHash(text) · b64(bytes) · unb64(text) · sha256(bytes) · canonical.encode/decode
 */
export * from './types';
export * as canonical from './canonical';
export { api, makeApi, type Api, type Options as ApiOptions } from './api';
export { b64, isHash, randomBytes, unb64, utf8 } from './b64';
export { parse, type Parsed, type Signer } from './core';
export { Device, Scribe, type WriteOptions, type Written } from './device';
export { enter } from './entering';
export { ApiError, describe, NotCanonical, Offline, Refusal, sentence, SignedOut, TooLarge, type RefusalCode } from './errors';
export { directSpace, digest, personalSpace, sha256 } from './hash';
export type { SignalFrame } from './frames';
export { deviceId } from './keys';
export type { Line } from './line';
export { msOf, stampAt, stampOf } from './hlc';
export { openStore, startSync, useSync } from './session';
export { persist, type Store, type Trouble } from './store';
export { registerShell, shell } from './shell/shell.svelte';
export type { WellNote } from './shell/trial';
export { scriptUrl } from './trusted';
export { SET_ASIDE, type Person, type Sync } from './sync';
export type { Upload, Uploads, UploadState } from './upload/uploads.svelte';
