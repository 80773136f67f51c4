import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The server a developer runs beside `npm run dev`.
const server = 'http://localhost:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // Names carry a hash of the content, so the server may let browsers keep them for ever, and two builds of one
    // source are the same bytes.
    assetsDir: 'assets',
    // Small files stay files: the content security policy allows none of our scripts or fonts inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 700,
  },
  test: {
    // The browser test runs under node:test, against the real server.
    include: ['src/**/*.test.ts'],
  },
  server: {
    proxy: {
      '/api': server,
      '/collab': { target: server, ws: true },
    },
  },
});
