import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor } from '../e2e/gateway-fixture.ts';
import { names, startGuarded } from './guarded-gateway.ts';

const allowed = (given: readonly string[]): readonly string[] =>
  given.filter((name) => name !== 'a__echo' && !name.endsWith('7'));

test('a long list that a key has not asked for before is judged first, and what changed of it again', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 600 });
  const started = await startGuarded([connectorFor(upstream, 'a')], {
    keys: [{}, { tools: { deny: ['a__echo', '*7'] } }],
  });
  await using gateway = started.gateway;
  const [all = '', denying = ''] = started.keys;
  const whole = await names(gateway.url(), all);
  expect(whole.length).toBeGreaterThan(600);
  expect(allowed(whole).length).toBeLessThan(whole.length - 50);
  const asked = await Promise.all([1, 2, 3].map(async () => await names(gateway.url(), denying)));
  for (const list of asked) expect(list).toEqual(allowed(whole));
  expect(await names(gateway.url('a'), denying)).toEqual(
    allowed(whole).map((name) => name.slice('a__'.length)),
  );
  upstream.setTools(Array.from({ length: 300 }, (_, index) => `new_${index}`));
  await gateway.service.manager.sync(true);
  await gateway.service.settled();
  const next = await names(gateway.url(), all);
  expect(next).toContain('a__new_7');
  expect(await names(gateway.url(), denying)).toEqual(allowed(next));
});
