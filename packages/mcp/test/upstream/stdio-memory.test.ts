import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findJemalloc } from '../../src/config/find-jemalloc.ts';
import type { ConnectorMemory, StdioTransport } from '../../src/connectors/connector.ts';
import { withMemory } from '../../src/upstream/stdio/stdio-memory.ts';
import { never, open } from './fixtures-stdio/rig.ts';
import { until } from './fixtures-stdio/processes.ts';
import { SERVER_PATH } from './fixtures-stdio/server-definition.ts';

const MIB = 1_048_576;
const hasProc = existsSync('/proc/self/maps');
const jemalloc = findJemalloc();
/** Says what its process was given, before the server itself is loaded. */
const SAY = `
const { execArgv, env } = process;
const limit = process.getBuiltinModule('node:v8').getHeapStatistics().heap_size_limit;
process.stderr.write('said ' + JSON.stringify({ limit, execArgv, options: env.NODE_OPTIONS, preload: env.LD_PRELOAD }) + '\\n');
`;
const HOOK = `--import=data:text/javascript,${encodeURIComponent(SAY)}`;

interface Said {
  readonly limit: number;
  readonly execArgv: readonly string[];
  readonly options: string;
  readonly preload?: string;
}

/** A real server with this memory: what its process says, and its map. */
async function start(
  memory: ConnectorMemory | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly said: Said; readonly maps: string }> {
  const given = { ...env, NODE_OPTIONS: [env['NODE_OPTIONS'] ?? '', HOOK].join(' ').trim() };
  const transport: StdioTransport = {
    kind: 'stdio',
    command: process.execPath,
    args: [SERVER_PATH],
    env: given,
    cwd: undefined,
  };
  const { upstream, stderr } = open([], {}, { transport, memory });
  await upstream.connect(never);
  const words = (): string => stderr.find((line) => line.startsWith('said ')) ?? '';
  await until('it has said what it was given', () => words() !== '');
  const said: Said = JSON.parse(words().slice('said '.length));
  const maps = hasProc ? readFileSync(`/proc/${upstream.pid}/maps`, 'utf8') : '';
  await upstream.close();
  return { said, maps };
}

test('withMemory() puts its flags behind those that are given, and changes nothing without memory', () => {
  const env = { A: '1', NODE_OPTIONS: ' --inspect ', LD_PRELOAD: '/a.so /b.so' };
  expect(withMemory(env, undefined)).toBe(env);
  expect(withMemory(env, { heapMiB: 350, semiSpaceMiB: 16, allocatorPath: '/j.so' })).toEqual({
    A: '1',
    NODE_OPTIONS: '--inspect --max-old-space-size=350 --max-semi-space-size=16',
    LD_PRELOAD: '/a.so /b.so:/j.so',
  });
  expect(withMemory({}, { semiSpaceMiB: 2 })).toEqual({ NODE_OPTIONS: '--max-semi-space-size=2' });
  expect(withMemory({}, { allocatorPath: '/j.so' })).toEqual({ LD_PRELOAD: '/j.so' });
});

test('a server of the tier light has its heap: the old generation and three semi-spaces (S1-B4, S1-B5)', async () => {
  const plain = await start(undefined);
  const light = await start({ tier: 'light', heapMiB: 350, semiSpaceMiB: 16 });
  expect(light.said.limit).toBe((350 + 3 * 16) * MIB);
  expect(plain.said.limit).not.toBe(light.said.limit);
  // What the entry says itself is kept: the hook has run.
  expect(light.said.options).toBe(`${HOOK} --max-old-space-size=350 --max-semi-space-size=16`);
  expect(light.said.execArgv).toEqual([]);
});

test('memory wins over a size in NODE_OPTIONS of the entry', async () => {
  const env = { NODE_OPTIONS: '--max-old-space-size=900' };
  const { said } = await start({ heapMiB: 700, semiSpaceMiB: 1 }, env);
  expect(said.limit).toBe((700 + 3) * MIB);
});

test.runIf(hasProc && jemalloc !== undefined)(
  'a server with an allocator has it in its map, and none without (S1-03, S1-21)',
  async () => {
    const plain = await start(undefined);
    expect(plain.maps).not.toContain('jemalloc');
    const preloaded = await start({ allocatorPath: jemalloc });
    expect(preloaded.maps).toContain('libjemalloc');
    expect(preloaded.said.preload).toBe(jemalloc);
  },
);

test.runIf(hasProc)('a server starts although its allocator is gone meanwhile', async () => {
  const { maps } = await start({ allocatorPath: '/no/such/libjemalloc.so.2' });
  expect(maps).not.toContain('jemalloc');
});
