import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The page is loaded from the program itself, so paths are relative and there is one bundle for one
// engine: WebKitGTK 2.44 and newer, WKWebView and WebView2 all understand what Safari 17 does.
const testing = process.env['VITEST'] !== undefined;

export default defineConfig({
  base: './',
  plugins: [
    // Tests find the messages compiled; a watcher of theirs would keep the test run alive.
    testing ? [] : paraglideVitePlugin({ project: './project.inlang', outdir: './src/lib/paraglide', strategy: ['globalVariable', 'baseLocale'] }),
    svelte(),
  ],
  resolve: testing ? { conditions: ['browser'] } : {},
  build: {
    target: 'safari17',
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/test-setup.ts'],
    testTimeout: 20_000,
  },
});
