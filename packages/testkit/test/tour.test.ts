import { expect, test } from 'vitest';
import { startUpstream, type FleetKind } from '../src/index.ts';
import { tour, type ClientMode } from './tour.ts';

const TOURS: readonly { kind: FleetKind; modes: readonly ClientMode[] }[] = [
  { kind: 'modern-http', modes: ['v2 auto', 'v2 pinned'] },
  { kind: 'dual-http', modes: ['v2 auto', 'v2 pinned', 'v2 legacy', 'v1'] },
  { kind: 'legacy-http-session', modes: ['v2 auto', 'v2 legacy', 'v1'] },
  { kind: 'legacy-http-stateless', modes: ['v2 auto', 'v2 legacy', 'v1'] },
  { kind: 'modern-stdio', modes: ['v2 auto', 'v2 pinned'] },
  { kind: 'legacy-stdio', modes: ['v2 auto', 'v2 legacy', 'v1'] },
];

const CASES = TOURS.flatMap(({ kind, modes }) => modes.map((mode) => ({ kind, mode })));

test.each(CASES)('startUpstream($kind) is toured by the $mode client', async ({ kind, mode }) => {
  await using upstream = await startUpstream({ kind, toolCount: 3 });
  await tour(upstream, mode);
  expect(upstream.counts.byMethod['tools/call']).toBe(7);
});
