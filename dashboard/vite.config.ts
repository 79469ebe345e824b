import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run dashboard:dev` finds a server to answer the API. */
const SERVER = process.env['ROOKERY_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  // Built: relative to the `<base>` that the server writes into the page, so that a global prefix may stand before it.
  base: command === 'build' ? './' : '/dashboard/',
  plugins: [react()],
  build: {
    target: 'es2022',
    // Browsers that have light-dark(), which is left as it is: the two schemes are told by it.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    emptyOutDir: true,
    // The page's policy lets no data: URL be a script or a font.
    assetsInlineLimit: 0,
    // Of which two thirds are React and the component library; compressed it is a quarter.
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { '^/(job|queue|worker|status|schedule|batch|attention|events|health|session)': SERVER },
  },
}));
