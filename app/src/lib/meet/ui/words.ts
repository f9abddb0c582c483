/** What is said about calls, in the person's language. */
import type { AccountId, Sync } from '$lib/base';
import { voice } from '$lib/ui';
import * as m from '$messages';
import type { Trouble } from '../devices';
import type { Label, RunningCall } from '../wire';

export const nameOf = (sync: Sync, account: AccountId): string => sync.name(account) ?? sync.me.names?.[account] ?? m.meet_unknown_person();

/** "Ben ist im Videoanruf" */
export function whoIsIn(sync: Sync, call: RunningCall): string {
	const accounts = [...new Set(call.people.map((person) => person.account))];
	const names = accounts.map((account) => nameOf(sync, account).split(' ')[0]!);
	if (names.length === 1) return m.meet_banner_one({ name: names[0]! });
	if (names.length === 2) return m.meet_banner_two({ name: names[0]!, other: names[1]! });
	return m.meet_banner_many({ name: names[0]!, count: names.length - 1 });
}

const DEVICE: Record<Label, () => string> = { camera: () => m.meet_camera(), microphone: () => m.meet_microphone(), screen: () => '' };

/** Why a device did not come, and what to do. */
export function troubleSentence(of: Label, why: Trouble): string {
	if (of === 'screen') return m.meet_trouble_screen();
	const named = { device: withArticle(of), form: voice.form };
	if (why === 'blocked') return m.meet_trouble_blocked(named);
	if (why === 'missing') return m.meet_trouble_missing(named);
	if (why === 'busy') return m.meet_trouble_busy(named);
	if (why === 'insecure') return m.meet_trouble_insecure();
	return m.meet_trouble_failed(named);
}

function withArticle(of: Label): string {
	const name = DEVICE[of]();
	if (voice.language === 'en') return `The ${name.toLowerCase()}`;
	return of === 'camera' ? `Die ${name}` : `Das ${name}`;
}

/** 12:04 */
export function lasted(ms: number): string {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	const [h, min, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
	const two = (part: number) => String(part).padStart(2, '0');
	return h ? `${h}:${two(min)}:${two(s)}` : `${min}:${two(s)}`;
}
