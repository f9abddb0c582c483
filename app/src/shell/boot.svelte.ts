/** Starts what the signed-in app stands on, once per tab. */
import { api, startSync, type ProviderInfo, type Sync } from '$lib/base';
import { startChat } from '$lib/chat';
import { startMedia } from '$lib/media';
import { startMeet } from '$lib/meet';
import { voice } from '$lib/ui';
import { frame } from './frame.svelte';

const PROVIDER_KEY = 'verbund.provider';
let running: Promise<Sync> | null = null;

/** The one Sync of this tab. Throws SignedOut when nobody is signed in here. */
export function boot(): Promise<Sync> {
	running ??= start().catch((error: unknown) => {
		running = null;
		throw error;
	});
	return running;
}

/** After signing in or out: everything begins anew with a fresh page. */
export function startAgain(path = '/'): void {
	location.assign(path);
}

async function start(): Promise<Sync> {
	void learnProvider();
	const sync = await startSync();
	voice.address(sync.me.address_form);
	startChat(sync);
	startMeet(sync);
	startMedia(sync);
	return sync;
}

/** Who runs this. The last answer counts until there is a new one, so that the frame is whole offline too. */
export async function learnProvider(): Promise<ProviderInfo | null> {
	const held = localStorage.getItem(PROVIDER_KEY);
	if (held && !frame.provider) frame.provider = JSON.parse(held) as ProviderInfo;
	try {
		frame.provider = await api.get<ProviderInfo>('/api/provider');
		localStorage.setItem(PROVIDER_KEY, JSON.stringify(frame.provider));
	} catch {
		// The last answer stays.
	}
	return frame.provider;
}
