import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseCommandLine } from '../../src/cli/parse-command-line.ts';
import { allCommands, runCli } from '../../src/cli/run-cli.ts';
import { anchorOf, findError } from '../../src/protocol/errors/all-errors.ts';
import { repoRoot } from '../architecture/import-graph.ts';
import { type FailingLine, failingLines } from './failing-lines.ts';
import { type CliBench, cliBench, missingServer } from './fake-io.ts';

const commands = await allCommands();
const page = readFileSync(join(repoRoot, 'docs/errors.md'), 'utf8');

const other = createServer((_request, response) => response.writeHead(404).end());
other.listen(0, '127.0.0.1');
await once(other, 'listening');
afterAll(() => {
  other.close();
});

const { port } = other.address() as AddressInfo;
const LINES = failingLines(port);
const named = LINES.map((line) => [line.argv.join(' '), line] as const);

async function sweepBench(): Promise<CliBench> {
  const bench = await cliBench();
  await bench.configure({ missing: missingServer, off: { command: 'true', enabled: false } });
  await writeFile(join(bench.path, 'list.json'), '[]');
  await writeFile(join(bench.path, 'map.json'), '{}');
  return bench;
}

async function run(bench: CliBench, { argv, env }: FailingLine, more: string[]): Promise<number> {
  return await runCli([...argv, ...more], { ...bench.io, env: { ...bench.io.env, ...env } });
}

/** The name of the command that a line is for; undefined where the line names none. */
function commandOf({ argv }: FailingLine): string | undefined {
  return commands.find(({ name }) => `${argv.join(' ')} `.startsWith(`${name} `))?.name;
}

test('the sweep has a failing line for every command', () => {
  const swept = new Set(LINES.map(commandOf));
  expect(commands.map(({ name }) => name).filter((name) => !swept.has(name))).toEqual([]);
});

test.each(named)('%s ends with its code and what to do (T4)', async (_name, line) => {
  await using bench = await sweepBench();
  expect([await run(bench, line, []), bench.stdout.text]).toEqual([line.exit, '']);
  const said = bench.stderr.text;
  const errors = said.split('\n').filter((text) => text.startsWith('cortex-mcp: '));
  const last = errors.at(-1) ?? '';
  expect(last).toContain(line.code);
  const facts = findError(line.code)?.facts;
  expect(page).toContain(`### ${line.code}\n`);
  // Below the error, or in it where it knows better than the table.
  const below = said.trimEnd().split('\n').at(-1) ?? '';
  const remedied = /^Do: .+ \(cortex-mcp explain \S+\)$/.test(below) || /; .+ \(/.test(last);
  expect([said, remedied]).toEqual([said, true]);
  expect(facts).toBeDefined();
});

test.each(named.filter(([, { argv }]) => argv[0] !== 'stdio'))(
  '%s --json prints one object and nothing else',
  async (_name, line) => {
    await using bench = await sweepBench();
    expect(await run(bench, line, ['--json'])).toBe(line.exit);
    const { error } = JSON.parse(bench.stdout.text) as { error: Record<string, string> };
    expect(error).toMatchObject({
      code: line.code,
      message: expect.stringMatching(/./) as unknown,
      remedy: expect.stringMatching(/./) as unknown,
      docs: `docs/errors.md#${anchorOf(line.code)}`,
    });
    expect(bench.stderr.text).toContain(line.code);
  },
);

test.each(commands.map((command) => command.name))(
  '%s refuses an option that is not known with USAGE',
  async (name) => {
    await using bench = await sweepBench();
    expect(await bench.run(...name.split(' '), '--no-such-option', '--json')).toBe(2);
    expect(bench.stderr.text).toMatch(/^cortex-mcp: unknown option --no-such-option.*\(USAGE\)\n/);
    expect(JSON.parse(bench.stdout.text)).toMatchObject({ error: { code: 'USAGE' } });
  },
);

test('a failed call names connector and phase in its JSON (T4)', async () => {
  await using bench = await sweepBench();
  expect(await bench.run('call', 'missing__x', '--json')).toBe(1);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({
    error: { code: 'SPAWN_FAILED', connector: 'missing', phase: 'spawn' },
  });
  expect(bench.stderr.text).not.toContain('there is no tool');
});

test('--json behind -- is an argument, and does not make an error JSON', async () => {
  await using bench = await sweepBench();
  expect(await bench.run('connectors', 'add', '--', 'npx', '--json')).toBe(2);
  expect(bench.stdout.text).toBe('');
  expect(() => parseCommandLine(['nope'], commands)).toThrow('unknown command');
});
