/** Addresses of own scripts as Trusted Types want them; the policy is the only one that makes such addresses. */

interface Policy {
	createScriptURL(url: string): string;
}

interface Factory {
	createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): Policy;
}

let policy: Policy | null = null;

/** Raises TypeError for addresses of anybody else. */
export function scriptUrl(url: string | URL): string {
	policy ??= makePolicy();
	return policy.createScriptURL(String(url));
}

function makePolicy(): Policy {
	const rules = { createScriptURL: ownOnly };
	const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
	return factory?.createPolicy('verbund', rules) ?? rules;
}

function ownOnly(url: string): string {
	if (new URL(url, location.href).origin !== location.origin) throw new TypeError('only own scripts');
	return url;
}
