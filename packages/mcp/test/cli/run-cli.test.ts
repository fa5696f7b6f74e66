import { expect, test } from 'vitest';
import { packageVersion } from '../../src/config/package-version.ts';
import { cliBench } from './fake-io.ts';

test('runCli() prints the version and the general help, which names commands and exit codes', async () => {
  await using bench = await cliBench();
  expect(await bench.run('--version')).toBe(0);
  expect(bench.stdout.text).toBe(`${packageVersion()}\n`);
  expect(await bench.run('--help')).toBe(0);
  expect(await bench.run('help')).toBe(0);
  for (const word of [
    'serve',
    'sync',
    'tools',
    'call <tool> [json]',
    'config show',
    'Exit codes',
    'Example',
  ]) {
    expect(bench.stdout.text).toContain(word);
  }
  expect(bench.stderr.text).toBe('');
});

test('runCli() explains a word that several commands begin with, in lines of 120 columns at most', async () => {
  await using bench = await cliBench();
  expect(await bench.run('keys', '--help')).toBe(0);
  expect(bench.stdout.text).toMatch(/keys create +Make a key[^]*keys revoke <id> +Let nobody in/);
  expect(bench.stdout.text).toContain('cortex-mcp help keys create');
  expect(await bench.run('help', 'connectors')).toBe(0);
  expect(bench.stdout.text).toMatch(/connectors add <name> .*\n +Add a connector/);
  expect(await bench.run('--help')).toBe(0);
  expect(bench.stdout.text.split('\n').filter((line) => line.length > 120)).toEqual([]);
});

test.each([
  ['serve', 'cortex-mcp serve'],
  ['sync', 'cortex-mcp sync'],
  ['tools', 'cortex-mcp tools'],
  ['call', 'cortex-mcp call everything__echo'],
  ['config show', 'cortex-mcp config show'],
  ['config', 'cortex-mcp config show'],
])('runCli() explains %s with an example, by help and by --help', async (name, example) => {
  await using bench = await cliBench();
  expect(await bench.run('help', ...name.split(' '))).toBe(0);
  const text = bench.stdout.text;
  expect(text).toContain(`Example:\n  `);
  expect(text).toContain(example);
  expect(await bench.run(...name.split(' '), '--help')).toBe(0);
  expect(bench.stdout.text).toBe(text + text);
});

test.each([
  [['--prot', '1'], 'unknown option --prot, did you mean --port?'],
  [['-x'], 'unknown option -x'],
  [['snyc'], 'unknown command "snyc", did you mean sync?'],
  [['help', 'zzzzzz'], 'unknown command "zzzzzz"'],
  [['config'], 'config needs one more word: config show'],
  [['--config'], '--config needs a value'],
  [['--config', '--json'], '--config needs a value'],
  [['--port='], '--port needs a value'],
  [['sync', '--json=yes'], '--json takes no value'],
  [['sync', '--port', '1'], '--port is no option of sync'],
  [['serve', 'more'], 'unexpected argument "more"'],
  [['call'], 'usage: cortex-mcp call <tool> [json]'],
  [['call', 'a', '{}', 'b'], 'unexpected argument "b"'],
  [['call', 'a', '{'], 'the arguments are not JSON'],
  [['call', 'a', '[1]'], 'the arguments must be a JSON object'],
])(
  'runCli(%j) is a usage error: one line on stderr, what to do on the next, exit code 2',
  async (argv, message) => {
    await using bench = await cliBench();
    await bench.configure({});
    expect(await bench.run(...argv)).toBe(2);
    expect(bench.stdout.text === '').toBe(!argv.includes('--json'));
    expect(bench.stderr.text).toContain(`cortex-mcp: ${message}`);
    expect(bench.stderr.text).toMatch(/^[^\n]+ \((?:USAGE|INPUT_INVALID)\)\nDo: [^\n]+\n$/);
  },
);

test('runCli() says what is wrong with the configuration in one line without a stack, exit code 2', async () => {
  await using bench = await cliBench();
  expect(await bench.run('sync')).toBe(2);
  expect(bench.stderr.text).toContain('no configuration found');
  await bench.configure({ github: { url: 'htp://x' } });
  expect(await bench.run('sync')).toBe(2);
  const line = bench.stderr.text.trimEnd().split('\n').at(-1);
  expect(line).toBe(
    `cortex-mcp: ${bench.path}/cortex-mcp.json:1:32 mcpServers.github.url: "htp://x" is not an http or https URL; write https://host/path (CONFIG_BAD_URL)`,
  );
});

test('runCli() colours errors and warnings on a terminal only, and not with NO_COLOR', async () => {
  await using plain = await cliBench({ stderrIsTty: true, env: { NO_COLOR: '1' } });
  await using coloured = await cliBench({ stderrIsTty: true, env: {} });
  expect([await plain.run('nope'), await coloured.run('nope')]).toEqual([2, 2]);
  expect(plain.stderr.text).not.toContain('\u001b');
  expect(coloured.stderr.text).toContain('\u001b[31mcortex-mcp');
});

test('runCli() turns an unexpected error into one line and exit code 1, with its stack at debug', async () => {
  const stdout = {
    write: () => {
      throw new Error('disk on fire');
    },
  };
  await using bench = await cliBench({ stdout });
  expect(await bench.run('--version')).toBe(1);
  expect(bench.stderr.text).toMatch(/^cortex-mcp: disk on fire \(INTERNAL\)\nDo: [^\n]+\n$/);
  await using debug = await cliBench({ stdout, env: { MCP_LOG_LEVEL: 'debug' } });
  expect(await debug.run('--version')).toBe(1);
  expect(debug.stderr.text).toContain('    at ');
});
