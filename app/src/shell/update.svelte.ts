/** Keeps the shell in this browser and says when a newer one is there. */
import { version } from '$app/environment';
import { registerShell, shell, type WellNote } from '$lib/base';
import { toast } from '$lib/ui';
import * as m from '$messages';

/** Called once, by the outermost layout. */
export function keepFresh(): void {
	void registerShell();
	$effect(() => {
		if (shell.updateReady) offer();
	});
	document.addEventListener('securitypolicyviolation', offerNewcomer);
}

/** This version opens: the one before is not needed in its place. */
export function sayWell(): void {
	const note: WellNote = { sort: 'well', version };
	void navigator.serviceWorker?.ready.then((registration) => registration.active?.postMessage(note));
}

/** A provider that came in after this page was opened: the page's policy does not name it. */
function offerNewcomer({ effectiveDirective }: SecurityPolicyViolationEvent): void {
	if (effectiveDirective !== 'connect-src') return;
	document.removeEventListener('securitypolicyviolation', offerNewcomer);
	toast.show(m.app_newcomer(), { icon: 'refresh-cw', stay: true, action: { label: m.app_reload(), run: () => location.reload() } });
}

function offer(): void {
	toast.show(m.app_update_ready(), { icon: 'refresh-cw', stay: true, action: { label: m.app_update_now(), run: () => shell.update() } });
}
