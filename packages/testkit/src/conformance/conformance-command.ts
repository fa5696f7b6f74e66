import { fileURLToPath } from 'node:url';

// Run from source or from dist: the script beside this file, with the same ending.
const SCRIPT = import.meta.url.endsWith('.ts') ? 'conformance-stdio.ts' : 'conformance-stdio.js';

/** How to start the conformance server over stdio, as a process of its own. */
export const CONFORMANCE_STDIO: {
  readonly command: string;
  readonly args: readonly string[];
} = {
  command: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL(SCRIPT, import.meta.url))],
};
