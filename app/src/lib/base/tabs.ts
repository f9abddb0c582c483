/** What the tabs of one browser tell each other. Each device has a channel of its own. */
import type { DeviceId, Fact } from './types';

export interface TabMessage {
	sort: 'facts' | 'signed_out';
	facts?: Fact[];
}

/** Null where browsers have no such channel: then each tab is told by the provider alone. */
export function openTabs(device: DeviceId, told: (message: TabMessage) => void): BroadcastChannel | null {
	if (typeof BroadcastChannel !== 'function') return null;
	const channel = new BroadcastChannel(nameOf(device));
	channel.onmessage = (event: MessageEvent<TabMessage>) => told(event.data);
	return channel;
}

/** To all tabs, this one too. */
export function tellTabs(device: DeviceId, message: TabMessage): void {
	if (typeof BroadcastChannel !== 'function') return;
	const channel = new BroadcastChannel(nameOf(device));
	channel.postMessage(message);
	channel.close();
}

function nameOf(device: DeviceId): string {
	return `verbund.${device}`;
}
