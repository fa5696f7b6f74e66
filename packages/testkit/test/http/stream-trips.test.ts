import { expect, test } from 'vitest';
import { startUpstream } from '../../src/index.ts';

test.for([
  ['GET', 'legacy-http-session', { method: 'GET' }, 0],
  [
    'subscriptions/listen',
    'modern-http',
    { method: 'POST', headers: { 'mcp-method': 'subscriptions/listen' } },
    0,
  ],
  ['another request', 'modern-http', { method: 'POST' }, 1],
] as const)('roundTrips: %s of %s', async ([, kind, init, trips]) => {
  await using upstream = await startUpstream({ kind });
  await (await fetch(upstream.url, init)).text();
  expect(upstream.counts.requests).toBe(1);
  expect(upstream.counts.roundTrips).toBe(trips);
});
