import { fileURLToPath } from 'node:url';
import type { Era } from '../../src/protocol/revision.ts';

const MODULES = new URL('../../node_modules/', import.meta.url);
const NEWEST = fileURLToPath(new URL('@modelcontextprotocol/conformance/dist/index.js', MODULES));
const EARLIER = fileURLToPath(new URL('conformance-legacy/dist/index.js', MODULES));

/** The official suites: the sets frozen for two revisions, and the older suite with everything it has. */
export const SUITE_NAMES = ['2026-07-28', '2025-11-25', '0.1.16'] as const;
export type SuiteName = (typeof SUITE_NAMES)[number];

/** How one of the official suites is run. */
export interface Suite {
  readonly name: SuiteName;
  readonly program: string;
  /** Of the revisions that it speaks. */
  readonly era: Era;
  /** After `server` or `client`: what to run. */
  readonly selection: readonly string[];
  /** What a server with all features passes at least. */
  readonly leastPassed: number;
}

export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  '2026-07-28': {
    name: '2026-07-28',
    program: NEWEST,
    era: 'modern',
    selection: ['--requirements', '2026-07-28'],
    leastPassed: 164,
  },
  '2025-11-25': {
    name: '2025-11-25',
    program: NEWEST,
    era: 'legacy',
    selection: ['--requirements', '2025-11-25'],
    leastPassed: 84,
  },
  '0.1.16': {
    name: '0.1.16',
    program: EARLIER,
    era: 'legacy',
    selection: ['--suite', 'all'],
    leastPassed: 44,
  },
};
