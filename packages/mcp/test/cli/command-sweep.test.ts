import { expect, test } from 'vitest';
import { parseCommandLine } from '../../src/cli/parse-command-line.ts';
import { allCommands } from '../../src/cli/run-cli.ts';
import { cliBench } from './fake-io.ts';
import { exampleWords } from './example-words.ts';

const commands = await allCommands();
const named = commands.map((command) => [command.name, command] as const);

/** Their output is a protocol. */
const WITHOUT_JSON: ReadonlySet<string> = new Set(['stdio']);

test.each(named)(
  '%s explains itself by help and --help, with usage, options and an example',
  async (name, command) => {
    await using bench = await cliBench();
    expect(await bench.run('help', ...name.split(' '))).toBe(0);
    const { text } = bench.stdout;
    expect(text).toContain(`Usage: cortex-mcp ${name}`);
    expect(text).toMatch(/\nExample:\n {2}\S.*cortex-mcp|\nExample:\n {2}cortex-mcp/);
    for (const option of command.options) expect(text).toContain(`--${option}`);
    bench.stdout.text = '';
    expect(await bench.run(...name.split(' '), '--help')).toBe(0);
    expect(bench.stdout.text).toBe(text);
    expect(bench.stderr.text).toBe('');
    expect(text.split('\n').filter((line) => line.length > 140)).toEqual([]);
  },
);

test.each(named)('the example of %s is a command line that is understood', (name, command) => {
  const line = parseCommandLine(exampleWords(command.example), commands);
  expect(line).toMatchObject({ kind: 'run', command: { name } });
});

test.each(named)('%s prints JSON on request', (name, { options }) => {
  expect(options.includes('json')).toBe(!WITHOUT_JSON.has(name));
});

test('no two commands have the same name, and none hides another', () => {
  const names = commands.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) {
    const found = parseCommandLine([...name.split(' '), '--help'], commands);
    expect(found).toMatchObject({ kind: 'help', command: { name } });
  }
});
