import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { exposedName } from '../src/catalog/tool-name.ts';
import { connector, startGateway } from './e2e/gateway-fixture.ts';
import { sendModern } from './gateway/raw-client.ts';
import { startToolServer, tool } from './pins/tool-server.ts';

/** Two names that are cut to the same. */
function collision(first: string, second: string): readonly [string, string] {
  const seen = new Map<string, string>();
  for (let index = 0; index < 100_000; index += 1) {
    const name = createHash('md5').update(String(index)).digest('hex');
    seen.set(exposedName(first, name, '__'), name);
    const same = seen.get(exposedName(second, `${name}x`, '__'));
    if (same !== undefined) return [same, `${name}x`];
  }
  throw new Error('no collision found');
}

test('a name of two tools is said once in the log and in status, and leads to neither (S11)', async () => {
  const ids = [`${'x'.repeat(58)}a`, `${'x'.repeat(58)}b`] as const;
  const [one, two] = collision(...ids);
  await using first = await startToolServer(tool(one, 'First.'));
  await using second = await startToolServer(tool(two, 'Second.'));
  const log: string[] = [];
  await using gateway = await startGateway(
    [first, second].map(({ url }, index) =>
      connector(ids[index] ?? '', { kind: 'http', url, headers: {} }),
    ),
    {},
    { logger: pino({ level: 'warn' }, { write: (line) => void log.push(line) }) },
  );
  for (let pass = 0; pass < 3; pass += 1) {
    await gateway.service.manager.sync(true);
    await gateway.service.settled();
    first.offer(tool(one, `First, ${pass}.`));
  }
  expect(log).toHaveLength(1);
  expect(log[0]).toContain('neither is offered there');
  const { warnings } = gateway.service.status()['catalog'] as { warnings: string[] };
  expect(warnings).toHaveLength(1);
  const name = exposedName(ids[0], one, '__');
  expect((await sendModern(gateway.url(), 'tools/call', { name })).text).toContain('Unknown tool');
  const own = await sendModern(gateway.url(ids[1]), 'tools/call', { name: two });
  expect(own.text).toContain('"result"');
  expect([first.called, second.called]).toEqual([[], [two]]);
});
