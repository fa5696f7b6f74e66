import { join } from 'node:path';
import { defineConfig } from 'vite';
import { errorTexts } from './build/error-texts.ts';
import { precompress } from './build/precompress.ts';

export default defineConfig({
  // The gateway serves index.html as `/` and everything else below `/page/`.
  base: '/page/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: ['chrome120', 'firefox121', 'safari17.4'],
    outDir: 'dist',
    assetsDir: '',
    // Nothing is inlined: the policy of the page allows only files of its own origin.
    assetsInlineLimit: 0,
    modulePreload: false,
    license: { fileName: 'LICENSES.md' },
    reportCompressedSize: false,
  },
  plugins: [errorTexts(join(import.meta.dirname, '../../docs/errors.md')), precompress()],
});
