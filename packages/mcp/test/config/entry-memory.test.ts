import { expect, test } from 'vitest';
import type { ConnectorTransport } from '../../src/connectors/connector.ts';
import { describeMemory, type MemoryHost, readMemory } from '../../src/config/entry-memory.ts';
import { findJemalloc } from '../../src/config/find-jemalloc.ts';
import { isNodeProgram } from '../../src/config/node-program.ts';
import { configFolder } from './config-folder.ts';

const LIBRARY = '/usr/lib64/libjemalloc.so.2';
const HOST: MemoryHost = { platform: 'linux', jemalloc: () => LIBRARY };

const stdio = (command: string, args: readonly string[] = [], env = {}): ConnectorTransport => ({
  kind: 'stdio',
  command,
  args,
  env,
  cwd: undefined,
});

test.each([
  ['light', { tier: 'light', heapMiB: 350, semiSpaceMiB: 16 }],
  ['standard', { tier: 'standard', heapMiB: 700, semiSpaceMiB: 32 }],
  ['heavy', { tier: 'heavy', heapMiB: 1_400, semiSpaceMiB: 64 }],
] as const)('readMemory() gives the tier %s its sizes (S1-B1, S1-B4, S1-B5)', (tier, memory) => {
  expect(readMemory({ tier }, stdio('npx'), HOST)).toEqual({ memory, warnings: [] });
});

test('readMemory() takes a size of its own before that of the tier, and either alone (S1-05)', () => {
  const both = readMemory({ tier: 'light', semiSpaceMiB: 64 }, stdio('node'), HOST);
  expect(both.memory).toEqual({ tier: 'light', heapMiB: 350, semiSpaceMiB: 64 });
  const one = readMemory({ semiSpaceMiB: 8 }, stdio('/opt/s/main.mjs'), HOST);
  expect(one).toEqual({ memory: { semiSpaceMiB: 8 }, warnings: [] });
  expect(readMemory({}, stdio('node'), HOST)).toEqual({ memory: undefined, warnings: [] });
  expect(readMemory(undefined, stdio('node'), HOST).memory).toBeUndefined();
});

test('readMemory() names a command that is no Node, and leaves the sizes out', () => {
  const { memory, warnings } = readMemory({ tier: 'light' }, stdio('uvx', ['npx']), HOST);
  expect(memory).toBeUndefined();
  expect(warnings).toEqual([['tier', expect.stringMatching(/^"uvx" does not name Node .*npx$/)]]);
  const [one] = readMemory({ semiSpaceMiB: 1 }, stdio('docker'), HOST).warnings;
  expect(one?.[0]).toBe('semiSpaceMiB');
});

test('readMemory() gives any program on Linux the allocator, and says where there is none (S1-03)', () => {
  const given = { allocator: 'jemalloc', tier: 'light' } as const;
  const { memory, warnings } = readMemory(given, stdio('uvx'), HOST);
  expect(memory).toEqual({ allocatorPath: LIBRARY });
  expect(warnings).toHaveLength(1);
  const without = { ...HOST, jemalloc: () => undefined };
  expect(readMemory({ allocator: 'jemalloc' }, stdio('node'), without)).toEqual({
    memory: undefined,
    warnings: [['allocator', expect.stringMatching(/not on this machine.*install libjemalloc2/)]],
  });
  const mac = { ...HOST, platform: 'darwin' as const };
  const [warning] = readMemory({ allocator: 'jemalloc' }, stdio('node'), mac).warnings;
  expect(warning?.[1]).toContain('Linux only');
});

test('readMemory() says which of two flags counts: an argument, then memory, then NODE_OPTIONS', () => {
  const args = ['--max_old_space_size=9', 'x.js'];
  expect(readMemory({ tier: 'light' }, stdio('node', args), HOST).warnings).toEqual([
    [undefined, 'the argument --max-old-space-size wins over it; keep one of them'],
  ]);
  const env = { NODE_OPTIONS: '--inspect --max-semi-space-size=2' };
  expect(readMemory({ semiSpaceMiB: 4 }, stdio('node', [], env), HOST).warnings).toEqual([
    [undefined, 'it wins over --max-semi-space-size of NODE_OPTIONS; keep one of them'],
  ]);
});

test('readMemory() does nothing for a server over HTTP, and nothing where there is no transport', () => {
  const http = { kind: 'http', url: 'https://h.example/', headers: {} } as const;
  const { memory, warnings } = readMemory({ tier: 'light' }, http, HOST);
  expect(memory).toBeUndefined();
  expect(warnings).toEqual([[undefined, expect.stringContaining('started with a command')]]);
  expect(readMemory({ tier: 'light' }, undefined, HOST)).toEqual({
    memory: undefined,
    warnings: [],
  });
});

test.each([
  ['node', [], true],
  ['/opt/node-26/bin/node', [], true],
  ['node22', [], true],
  [String.raw`C:\Program Files\nodejs\npx.cmd`, [], true],
  ['./server.js', [], true],
  ['cmd', ['/c', 'npx', '-y', 'x'], true],
  ['/usr/bin/env', ['A=1', 'node', 'x.js'], true],
  ['systemd-run', ['--user', '--scope', 'npx', 'x'], true],
  ['env', ['python3', 'x.py'], false],
  ['docker', ['run', 'node'], false],
  ['uvx', [], false],
  ['bun', [], false],
  ['nodemon-like', [], false],
  ['mcp-server-x', [], false],
] as const)('isNodeProgram(%s, %o) is %s', (command, args, expected) => {
  expect(isNodeProgram(command, args)).toBe(expected);
});

test('findJemalloc() takes the first that is there, and none where there is none', () => {
  expect(findJemalloc((path) => path.startsWith('/usr/l'))).toBe(
    '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2',
  );
  expect(findJemalloc((path) => path === LIBRARY)).toBe(LIBRARY);
  expect(findJemalloc(() => false)).toBeUndefined();
});

test('describeMemory() says what is heeded', () => {
  const all = { heapMiB: 350, semiSpaceMiB: 16, allocatorPath: LIBRARY };
  expect(describeMemory(all)).toBe(`heap 350 MiB, semi-space 16 MiB, ${LIBRARY}`);
  expect(describeMemory({ semiSpaceMiB: 2 })).toBe('semi-space 2 MiB');
});

test('memory of an entry is that of its connector; what cannot be heeded is a warning at its place', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: {
      a: { command: '${PROGRAM}', memory: { tier: 'standard' } },
      b: { command: 'uvx', memory: { tier: 'light' } },
      c: { command: 'npx', memory: { semiSpaceMib: 1 } },
      d: { command: 'npx' },
      e: { command: '${NOPE}', memory: { tier: 'light' } },
    },
  });
  const { connectors, warnings } = await folder.load({}, { PROGRAM: 'npx' });
  expect(connectors.map(({ memory }) => memory)).toEqual([
    { tier: 'standard', heapMiB: 700, semiSpaceMiB: 32 },
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(warnings).toEqual([
    expect.stringMatching(/cortex-mcp\.json:1:\d+ mcpServers\.b\.memory\.tier: "uvx" does not/),
    expect.stringMatching(/mcpServers\.c\.memory\.semiSpaceMib: .*semiSpaceMiB/),
  ]);
});

test.each([
  [{ tier: 'huge' }, 'mcpServers.a.memory.tier: must be light, standard or heavy'],
  [{ semiSpaceMiB: 0 }, 'semiSpaceMiB: must be a whole number from 1 to 64'],
  [{ semiSpaceMiB: 128 }, 'semiSpaceMiB: must be a whole number from 1 to 64'],
  [{ semiSpaceMiB: '16' }, 'semiSpaceMiB: must be a whole number from 1 to 64'],
  [{ allocator: '/tmp/x.so' }, 'allocator: must be jemalloc'],
  ['light', 'mcpServers.a.memory: must be an object'],
])('memory %o is refused by name', async (memory, what) => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: { a: { command: 'npx', memory } } });
  const error = await folder.fail();
  expect([error.code, error.message]).toEqual(['CONFIG_BAD_TYPE', expect.stringContaining(what)]);
});
