import { fileURLToPath } from 'node:url';
import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { sveltekit } from '@sveltejs/kit/vite';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const SERVER = process.env.VERBUND_SERVER ?? 'http://127.0.0.1:8420';
const behind = { target: SERVER, ws: true, changeOrigin: false };
const proxy = { '/api': behind, '/live': behind, '/blobs': behind, '/media/': behind };

const messages = () =>
	paraglideVitePlugin({
		project: './project.inlang',
		outdir: './src/lib/paraglide',
		strategy: ['globalVariable', 'baseLocale'],
		emitTsDeclarations: true
	});

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// Tests run without SvelteKit: plain modules, so that vitest ends by itself. Their messages are compiled before (`npm run messages`).
const testing = {
	plugins: [svelte()],
	resolve: {
		alias: { $messages: path('./src/lib/paraglide/messages.js'), $lib: path('./src/lib'), $shell: path('./src/shell') },
		conditions: ['browser']
	}
};

// What every signed-in page needs, with all that it stands on, travels as one file: it compresses better than forty, and asks once.
const first = { name: 'first', test: /src\/shell\/(boot|Frame|Page)\.|sveltejs\/kit\/src\/runtime\/client\/|generated\/root/ };

// They only name what is elsewhere: who takes one thing from them does not load the rest.
const barrels = { test: /src\/(shell|lib\/\w+)\/index\.ts$/, sideEffects: false };

export default defineConfig({
	...(process.env.VITEST ? testing : { plugins: [messages(), sveltekit()] }),
	server: { host: '127.0.0.1', port: 5173, proxy },
	preview: { host: '127.0.0.1', port: 4173, proxy },
	build: { target: 'es2022', chunkSizeWarningLimit: 700, rolldownOptions: { treeshake: { moduleSideEffects: [barrels] }, output: { codeSplitting: { groups: [first] } } } },
	test: {
		environment: 'node', testTimeout: 20_000,
		// What the modules are compiled to is kept between runs.
		pool: 'threads', experimental: { fsModuleCache: true },
		// Modules of base hold state (who is signed in, which providers there are): each file has its own. The others share them.
		projects: [
			{ extends: true, test: { name: 'base', include: ['src/lib/base/**/*.test.ts'] } },
			{ extends: true, test: { name: 'rest', include: ['src/**/*.test.ts'], exclude: ['src/lib/base/**'], isolate: false } }
		]
	}
});
