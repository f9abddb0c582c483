/** What this browser is called in the list of devices. */
import * as m from '$messages';

const BROWSERS: readonly [RegExp, string][] = [
	[/Edg\//, 'Edge'],
	[/OPR\//, 'Opera'],
	[/Firefox\//, 'Firefox'],
	[/Chrome\//, 'Chrome'],
	[/Safari\//, 'Safari']
];
const SYSTEMS: readonly [RegExp, string][] = [
	[/iPhone/, 'iPhone'],
	[/iPad/, 'iPad'],
	[/Android/, 'Android'],
	[/Windows/, 'Windows'],
	[/Mac OS X/, 'Mac'],
	[/Linux|X11/, 'Linux']
];

const nameIn = (list: readonly [RegExp, string][], text: string) => list.find(([pattern]) => pattern.test(text))?.[1];

/** "Firefox auf Linux" */
export function thisBrowser(agent: string = navigator.userAgent): string {
	return m.accounts_browser_on({ browser: nameIn(BROWSERS, agent) ?? m.accounts_a_browser(), system: nameIn(SYSTEMS, agent) ?? m.accounts_a_system() });
}
