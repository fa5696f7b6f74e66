import { expect, test } from 'vitest';
import type { Principal } from '../../src/auth/principal.ts';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import { CallCounts } from '../../src/gateway/call/call-limits.ts';

const principal = (id: string): Principal => ({ ...ANONYMOUS, id, kind: 'key' });

test('each principal has its own calls, and none takes those of another (T5)', () => {
  const counts = new CallCounts({ maxCalls: 100, maxCallsPerPrincipal: 2 });
  const [ann, bob] = [principal('key:ann'), principal('key:bob')];
  counts.add(ann, 0, 1);
  counts.add({ ...ann }, 1, 2);
  expect(() => counts.add(ann, 2, 3)).toThrow('2 calls of this client are under way already');
  counts.add(bob, 2, 4);
  counts.delete(ann);
  counts.add(ann, 2, 5);
  for (let n = 0; n < 2; n += 1) counts.delete(ann);
  counts.delete(bob);
  counts.delete(bob);
  counts.add(bob, 0, 6);
});

test('a refusal names its code and when to come back, and is not counted', () => {
  const counts = new CallCounts({ maxCalls: 1, maxCallsPerPrincipal: 1 });
  for (let n = 0; n < 3; n += 1) counts.add(ANONYMOUS, 0, n);
  expect(() => counts.add(ANONYMOUS, 1, 9)).toThrow(
    expect.objectContaining({
      rpcCode: -32_603,
      id: 9,
      outcome: 'refused',
      data: expect.objectContaining({ code: 'TOO_MANY_CALLS', retryAfterMs: 1_000 }) as unknown,
    }),
  );
});
