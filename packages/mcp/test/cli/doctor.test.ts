import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type CliBench, cliBench } from './fake-io.ts';

interface Row {
  readonly severity: string;
  readonly finding: string;
  readonly fix: string;
}

async function find(bench: CliBench, id: string, ...argv: string[]): Promise<Row | undefined> {
  bench.stdout.text = '';
  await bench.run('doctor', '--json', ...argv);
  const { findings } = JSON.parse(bench.stdout.text) as { findings: (Row & { id: string })[] };
  return findings.find((one) => one.id === id);
}

test('doctor on a machine without a configuration finds a first start and no fault, and makes nothing', async () => {
  await using bench = await cliBench();
  expect(await find(bench, 'config')).toMatchObject({
    severity: 'info',
    finding: 'no configuration file: 0 connectors',
    fix: expect.stringMatching(/registry import .* connectors add /) as string,
  });
  const others = ['commands', 'state-folder', 'registry', 'port'];
  for (const id of others) expect((await find(bench, id))?.severity).not.toMatch(/fail|warn/);
  expect(await readdir(bench.path)).not.toContain('.config');
});

test('doctor looks at the connectors of the registry as at those of the file', async () => {
  await using bench = await cliBench();
  expect(await bench.run('connectors', 'add', 'memory', '--', 'no-such-program-here')).toBe(0);
  expect(await find(bench, 'config')).toMatchObject({
    severity: 'ok',
    finding: 'no configuration file: 1 connectors',
  });
  expect(await find(bench, 'commands')).toMatchObject({
    severity: 'fail',
    finding: 'not found: memory: no-such-program-here',
  });
  await bench.configure({ memory: { command: process.execPath } });
  // One of the file wins over one of the registry with its id.
  expect((await find(bench, 'commands'))?.severity).toBe('ok');
  expect((await find(bench, 'config'))?.finding).toMatch(/cortex-mcp\.json: 1 connectors$/);
});

test('doctor still fails for a configuration that is named and missing', async () => {
  await using bench = await cliBench();
  expect(await find(bench, 'config', '--config', 'none.json')).toMatchObject({ severity: 'fail' });
});
