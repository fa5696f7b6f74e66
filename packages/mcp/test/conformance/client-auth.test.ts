import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { expect, test } from 'vitest';
import { failedOf, passedOf, runSuite } from './run-suite.ts';
import { SUITES } from './suites.ts';

const COMMAND = [
  process.execPath,
  '--conditions=cortex-source',
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('client-main.ts', import.meta.url)),
].join(' ');

/** Each scenario is two processes. */
const limit = pLimit(2);

/** By revision; `forced` are extensions, which belong to no revision. */
const SCENARIOS: Readonly<Record<string, readonly string[]>> = {
  '2026-07-28': [
    'authorization-server-migration',
    'basic-cimd',
    'iss-normalized',
    'iss-not-advertised',
    'iss-supported',
    'iss-supported-missing',
    'iss-unexpected',
    'iss-wrong-issuer',
    'metadata-default',
    'metadata-issuer-mismatch',
    'metadata-var1',
    'metadata-var2',
    'metadata-var3',
    'offline-access-not-supported',
    'offline-access-scope',
    'pre-registration',
    'resource-mismatch',
    'scope-from-scopes-supported',
    'scope-from-www-authenticate',
    'scope-omitted-when-undefined',
    'scope-retry-limit',
    'scope-step-up',
    'token-endpoint-auth-basic',
    'token-endpoint-auth-none',
    'token-endpoint-auth-post',
  ],
  '2025-11-25': ['metadata-default', 'scope-step-up'],
  // The one without any metadata is left out: there is no telling whether such a server supports PKCE.
  '2025-03-26': ['2025-03-26-oauth-metadata-backcompat'],
  forced: ['client-credentials-basic', 'client-credentials-jwt'],
};

test.for(Object.entries(SCENARIOS))(
  'the gateway towards a guarded server passes the authorization scenarios of %s',
  { timeout: 300_000 },
  async ([revision, scenarios]) => {
    const suite = SUITES['2026-07-28'];
    const isForced = revision === 'forced';
    const specVersion = isForced ? '2026-07-28' : revision;
    const results = await Promise.all(
      scenarios.map(async (name) =>
        limit(async () => {
          const only = { scenario: `auth/${name}`, specVersion, force: isForced };
          const outcome = await runSuite(suite, { leg: 'client', target: COMMAND, only });
          return { failed: failedOf(outcome), passed: passedOf(outcome).length };
        }),
      ),
    );
    expect(results.flatMap(({ failed }) => failed)).toStrictEqual([]);
    expect(results.every(({ passed }) => passed > 0)).toBe(true);
  },
);
