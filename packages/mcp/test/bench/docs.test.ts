import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';

const SCRIPTS = fileURLToPath(new URL('../../../../scripts/', import.meta.url));
const BENCHES = [
  'call',
  'flags',
  'notify',
  'memory',
  'pool',
  'steady',
  'registry-store',
  'registry-http',
  'sync-faults',
  'sync-sweep',
] as const;

interface Targets {
  readonly record: string;
  readonly benches: readonly { readonly bench: string; readonly targets: readonly unknown[] }[];
}

const { targetsOf, refreshedBaton } = (await import(
  pathToFileURL(join(SCRIPTS, 'bench-tasks.mjs')).href
)) as {
  readonly targetsOf: (record: unknown, source: string) => Targets;
  readonly refreshedBaton: (baton: object, record: unknown) => unknown;
};

function recordOf(names: readonly string[]): unknown {
  const run = {
    takenAt: '2026-01-01T00:00:00.000Z',
    commit: 'abcdef0123456789',
    machine: { cpu: 'a processor', cores: 2, memoryMb: 4_096, system: 'linux' },
    versions: { node: '26.10.0' },
  };
  const result = (name: string): object => ({
    run,
    method: `How ${name} was measured.`,
    tables: [{ title: `table of ${name}`, headings: ['what'], rows: [['one']] }],
    targets: [{ what: `limit of ${name}`, wanted: '≤ 1 ×', measured: '0.90 ×', met: true }],
    readings: {},
  });
  return { run, results: Object.fromEntries(names.map((name) => [name, result(name)])) };
}

test('bench:docs writes a section for every bench of a record, its targets and tables (S3-14)', async () => {
  await using folder = tempFolder();
  const record = join(folder.path, 'record.json');
  writeFileSync(record, JSON.stringify(recordOf(BENCHES)));
  const argv = [join(SCRIPTS, 'bench-docs.mjs'), '--record', record, '--out', folder.path];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  expect(status, `it said ${stderr}`).toBe(0);
  const text = readFileSync(join(folder.path, 'benchmarks.md'), 'utf8');
  for (const name of BENCHES) {
    expect(text).toContain(`## ${name}\n`);
    expect(text).toContain(`How ${name} was measured.`);
    expect(text).toMatch(
      new RegExp(`\\| limit of ${name} +\\| ≤ 1 × +\\| 0\\.90 × +\\| yes +\\|`, 'u'),
    );
    expect(text).toContain(`<summary>table of ${name}</summary>`);
  }
});

test('targetsOf() lists the targets of calls and lists with the run they are from (S4-11)', () => {
  const { record, benches } = targetsOf(recordOf(['call', 'steady', 'pool']), 'here.json');
  expect(record).toBe('here.json');
  expect(benches.map(({ bench }) => bench)).toEqual(['call', 'pool']);
  expect(benches[0]).toMatchObject({ node: '26.10.0', targets: [{ what: 'limit of call' }] });
});

test('refreshedBaton() takes what was measured from the record, and says so when it is not there (S4-11)', () => {
  const targets = [
    { id: 'a', target: 'call: limit of call', before: '3 ×', measured: 'old', met: 'no' },
    { id: 'b', target: 'call: gone: away', measured: 'old', met: 'yes' },
  ];
  expect(refreshedBaton({ version: 1, targets }, recordOf(['call']))).toEqual({
    version: 1,
    targets: [
      { ...targets[0], wanted: '≤ 1 ×', measured: '0.90 ×', met: 'yes' },
      { ...targets[1], measured: 'not in the record', met: 'no' },
    ],
  });
});
