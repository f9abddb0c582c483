/** Keeps the shell in this browser and says when a newer one is there. */
import { registerShell, shell } from '$lib/base';
import { toast } from '$lib/ui';
import * as m from '$messages';

/** Called once, by the outermost layout. */
export function keepFresh(): void {
	void registerShell();
	$effect(() => {
		if (shell.updateReady) offer();
	});
}

function offer(): void {
	toast.show(m.app_update_ready(), { icon: 'refresh-cw', stay: true, action: { label: m.app_update_now(), run: () => shell.update() } });
}
