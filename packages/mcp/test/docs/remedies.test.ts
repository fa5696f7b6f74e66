import { expect, test } from 'vitest';
import { remedyLines, type RemediedFailure } from '../../src/cli/remedy-lines.ts';
import { docsOf, remedyOf, withRemedy } from '../../src/protocol/error-remedies.ts';
import { CONNECTOR_ERRORS } from '../../src/protocol/errors/connector-errors.ts';
import { connectClient } from '../e2e/clients.ts';
import { connector, startGateway } from '../e2e/gateway-fixture.ts';
import { cliBench, memoryServer, missingServer } from '../cli/fake-io.ts';

const SPAWN = {
  remedy: CONNECTOR_ERRORS['SPAWN_FAILED']?.remedy,
  docs: 'docs/errors.md#spawn_failed',
};

test('remedyOf() knows what a running service tells, and nothing else', () => {
  expect(remedyOf('SPAWN_FAILED')).toEqual(SPAWN);
  expect(remedyOf('MAP_EXPIRED')?.docs).toBe('docs/errors.md#map_expired');
  expect(remedyOf('TOO_MANY_CALLS')?.remedy).toContain('maxCalls');
  expect(remedyOf('constructor')).toBeUndefined();
  expect(docsOf('BREAKER_OPEN')).toBe('docs/errors.md#breaker_open');
});

test('withRemedy() leaves unknown codes as they are', () => {
  expect(withRemedy({ code: 'OF_A_SERVER', n: 1 })).toEqual({ code: 'OF_A_SERVER', n: 1 });
  expect(withRemedy({ code: 'SPAWN_FAILED', n: 1 })).toEqual({
    code: 'SPAWN_FAILED',
    n: 1,
    ...SPAWN,
  });
});

function failed(id: string): RemediedFailure {
  return { id, code: 'TIMEOUT', remedy: 'wait\u001b[31m' };
}

test('remedyLines() says once for each code whom it concerns, and names five at most', () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(failed);
  expect(remedyLines(many)).toBe('a, b, c, d, e and 2 more: wait (cortex-mcp explain TIMEOUT)\n');
  expect(remedyLines([{ id: 'a', code: 'OTHER' }])).toBe('');
});

test('/status and the error of a call carry connector, phase, cause and remedy (T4)', async () => {
  const missing = {
    kind: 'stdio',
    command: 'no-such-thing',
    args: [],
    env: {},
    cwd: undefined,
  } as const;
  await using gateway = await startGateway([connector('missing', missing)]);
  await gateway.service.manager.sync(true);
  const status = await fetch(`${gateway.origin}/status`);
  const { connectors } = (await status.json()) as { connectors: { failure: object }[] };
  expect(connectors[0]?.failure).toMatchObject({ phase: 'spawn', code: 'SPAWN_FAILED', ...SPAWN });

  await using client = await connectClient(gateway.url(), 'v2 auto');
  await expect(client.call('missing__echo')).rejects.toMatchObject({
    code: -32_010,
    message: expect.stringContaining('no-such-thing') as unknown,
    data: { code: 'SPAWN_FAILED', connector: 'missing', phase: 'spawn', ...SPAWN },
  });
});

test('sync says below its table what to do, and has it in its JSON', async () => {
  await using bench = await cliBench();
  await bench.configure({ missing: missingServer, other: missingServer });
  expect(await bench.run('sync')).toBe(1);
  expect(bench.stdout.text).toMatch(/^missing, other: .* \(cortex-mcp explain SPAWN_FAILED\)$/m);
  bench.stdout.text = '';
  await bench.run('sync', '--json');
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ outcomes: [SPAWN, SPAWN] });
});

test('call says what to do when its connector cannot be used', async () => {
  await using bench = await cliBench();
  await bench.configure({ missing: missingServer });
  expect(await bench.run('call', 'missing__x')).toBe(1);
  expect(bench.stderr.text).toMatch(
    /^cortex-mcp: missing is unavailable: spawn: .* \(SPAWN_FAILED\)\nDo: run the command by hand/,
  );
});

test('explain shows one code, all of them, or the nearest', async () => {
  await using bench = await cliBench();
  expect(await bench.run('explain', 'breaker_open')).toBe(0);
  expect(bench.stdout.text).toMatch(
    /^BREAKER_OPEN\n[^]*Usually:\n {2}- [^]*Do: look at the failures/,
  );
  bench.stdout.text = '';
  expect(await bench.run('explain', '32010', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({
    code: '-32010',
    docs: 'docs/errors.md#-32010',
  });
  bench.stdout.text = '';
  expect(await bench.run('explain')).toBe(0);
  expect(bench.stdout.text).toContain('Service maps\n  MAP_BAD_URL, ');
  bench.stdout.text = '';
  expect(await bench.run('explain', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toContainEqual(
    expect.objectContaining({ code: 'EREGISTRYLOST', group: 'Registry' }),
  );
  expect(await bench.run('explain', 'BREAKR_OPEN')).toBe(2);
  expect(bench.stderr.text).toContain('did you mean BREAKER_OPEN?');
  expect(await bench.run('explain', 'nothing-like-it-at-all')).toBe(2);
});

test('the remedies cost a call that succeeds nothing: its answer has none', async () => {
  await using bench = await cliBench();
  await bench.configure({ memory: memoryServer(bench.path) });
  expect(await bench.run('call', 'memory__read_graph', '--json')).toBe(0);
  expect(bench.stdout.text).not.toContain('remedy');
  expect(bench.stderr.text).toBe('');
});
