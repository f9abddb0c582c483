import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

/** @type {import('@sveltejs/kit').Config} */
export default {
	preprocess: vitePreprocess(),
	compilerOptions: { runes: ({ filename }) => (filename.split(/[/\\]/).includes('node_modules') ? undefined : true) },
	kit: {
		// Every address is answered with the same shell; the server does the same.
		adapter: adapter({ pages: 'build', fallback: 'index.html', precompress: true, strict: true }),
		alias: { $shell: 'src/shell', $messages: 'src/lib/paraglide/messages.js' },
		// A path that starts with / keeps the shell valid at every depth.
		paths: { relative: false },
		// Registered by the shell: Trusted Types demand a policy for the script's address.
		serviceWorker: { register: false },
		csp: {
			mode: 'hash',
			directives: {
				'default-src': ['self'],
				'script-src': ['self'],
				'style-src': ['self'],
				// The one style attribute that SvelteKit itself writes: it hides the announcer of new pages.
				'style-src-attr': ['unsafe-hashes', 'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo='],
				'img-src': ['self', 'blob:', 'data:'],
				'media-src': ['self', 'blob:'],
				'font-src': ['self'],
				// The header, which counts besides, names the providers one by one: the server's, or the service worker's for a kept page.
				'connect-src': ['self', 'https:', 'http:', 'wss:', 'ws:'],
				'worker-src': ['self', 'blob:'],
				'manifest-src': ['self'],
				'object-src': ['none'],
				'base-uri': ['none'],
				'form-action': ['self'],
				'require-trusted-types-for': ['script'],
				'trusted-types': ['svelte-trusted-html', 'verbund']
			}
		}
	}
};
