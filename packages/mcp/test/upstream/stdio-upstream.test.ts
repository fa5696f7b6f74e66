import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { isRunning, until } from './fixtures-stdio/processes.ts';
import { ask, call, folder, listen, never, open, parsed } from './fixtures-stdio/rig.ts';
import { serverDefinition } from './fixtures-stdio/server-definition.ts';

describe('process', () => {
  test('exit during calls fails each at once with the code and the last words', async () => {
    const { upstream, closed } = open([]);
    await upstream.connect(never);
    const started = performance.now();
    const calls = [{ do: 'never' }, { do: 'never' }, { do: 'exit', code: 3 }].map((params) => {
      const { sink, outcome } = listen();
      upstream.forward(call(params), sink);
      return outcome;
    });
    for (const outcome of await Promise.all(calls)) {
      expect(outcome).toEqual([
        'fail',
        expect.objectContaining({
          code: 'PROCESS_EXITED',
          phase: 'ready',
          unsent: false,
          message: 'the server process exited with code 3; its last words: about to go',
        }),
      ]);
    }
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(closed.map(({ code }) => code)).toEqual(['PROCESS_EXITED']);
    expect(upstream.pid).toBeUndefined();
  });

  test('an answer written before the exit still arrives', async () => {
    const { upstream } = open([]);
    expect(await ask(upstream, { do: 'answer-and-exit' })).toEqual({ last: true });
  });

  test('a killed process names the signal, and the next call starts another', async () => {
    const { upstream } = open([]);
    await upstream.connect(never);
    const before = upstream.pid ?? 0;
    const pending = ask(upstream, { do: 'never' });
    process.kill(before, 'SIGKILL');
    await expect(pending).rejects.toThrow('was killed by SIGKILL');
    expect(await ask(upstream, { do: 'echo' })).toEqual({ do: 'echo' });
    expect(upstream.pid).not.toBe(before);
  });

  test('a process that dies at its start says why', async () => {
    const { upstream } = open(['--die-at-start']);
    await expect(upstream.connect(never)).rejects.toMatchObject({
      code: 'PROCESS_EXITED',
      phase: 'handshake',
      unsent: true,
      message:
        'the server process exited with code 3 during the handshake; its last words: missing API_KEY',
    });
  });

  test('a handshake that takes too long ends with TIMEOUT and an empty process group', async () => {
    const timeouts = { ...serverDefinition('x', []).timeouts, handshakeTimeoutMs: 800 };
    const { upstream, stderr } = open(['--hang', '--helper'], { probeMs: 10 }, { timeouts });
    await expect(upstream.connect(never)).rejects.toMatchObject({
      code: 'TIMEOUT',
      phase: 'handshake',
      message: expect.stringContaining('no handshake within 800 ms'),
    });
    await upstream.close();
    expect(stderr).toHaveLength(1);
    expect(isRunning(Number(stderr[0]?.replace('helper ', '')))).toBe(false);
  });

  test('a message over maxLineBytes fails what is under way, and the process is replaced', async () => {
    const { upstream, closed } = open([], { maxLineBytes: 10_000 });
    await upstream.connect(never);
    const before = upstream.pid ?? 0;
    const other = ask(upstream, { do: 'never' });
    const big = ask(upstream, { do: 'big', bytes: 20_000 });
    for (const pending of [other, big]) {
      await expect(pending).rejects.toMatchObject({ code: 'TOO_LARGE' });
    }
    expect(closed.map(({ code }) => code)).toEqual(['TOO_LARGE']);
    expect(await ask(upstream, { do: 'big', bytes: 9000 })).toBeDefined();
    await until('the first process is gone', () => !isRunning(before));
  });

  test('a program that does not read its input fails calls that would queue without bound', async () => {
    const { upstream } = open([]);
    await upstream.connect(never);
    process.kill(upstream.pid ?? 0, 'SIGSTOP');
    const text = JSON.stringify('x'.repeat(6 * 1024 * 1024));
    const sinks = Array.from({ length: 5 }, () => {
      const { sink, outcome } = listen();
      upstream.forward({ ...call({}), members: [{ key: 'a', text }] }, sink);
      return outcome;
    });
    expect(await Promise.race(sinks)).toEqual([
      'fail',
      expect.objectContaining({ code: 'CONNECT_FAILED', unsent: true }),
    ]);
    await upstream.close();
    const outcomes = await Promise.all(sinks);
    expect(outcomes.every(([kind]) => kind === 'fail')).toBe(true);
  });

  test('env and cwd of the definition reach the program', async () => {
    const transport = serverDefinition('x', []).transport;
    if (transport?.kind !== 'stdio') throw new Error('the fixture is a stdio server');
    const { upstream } = open(
      [],
      {},
      { transport: { ...transport, env: { KEY: 'v' }, cwd: folder } },
    );
    expect(await ask(upstream, { do: 'env' })).toMatchObject({ KEY: 'v' });
    expect(await ask(upstream, { do: 'cwd' })).toEqual({ cwd: folder });
  });
});

describe('connect() and close()', () => {
  test('connect() joins the attempt under way and answers at once afterwards', async () => {
    const { upstream, stderr } = open(['--helper']);
    const [one, two] = await Promise.all([upstream.connect(never), upstream.connect(never)]);
    expect(one).toBe(two);
    expect(await upstream.connect(never)).toBe(one);
    expect(upstream.info).toBe(one);
    expect(stderr).toHaveLength(1);
  });

  test('an aborted connect() leaves the attempt to the others', async () => {
    const { upstream } = open([]);
    const controller = new AbortController();
    const impatient = upstream.connect(controller.signal);
    const patient = upstream.connect(never);
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'CANCELLED' });
    expect((await patient).era).toBe('legacy');
    await expect(upstream.connect(controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('close() fails calls with CLOSED, ends the process, and nothing starts it again (B7.15)', async () => {
    const { upstream, closed } = open(['--helper']);
    await upstream.connect(never);
    const pid = upstream.pid ?? 0;
    const { sink, outcome } = listen();
    upstream.forward(call({ do: 'never' }), sink);
    await Promise.all([upstream.close(), upstream.close()]);
    expect(await outcome).toEqual(['fail', expect.objectContaining({ code: 'CLOSED' })]);
    expect(isRunning(pid)).toBe(false);
    expect(closed).toEqual([]);
    await expect(upstream.connect(never)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(ask(upstream, {})).rejects.toMatchObject({ code: 'CLOSED' });
    expect(upstream.pid).toBeUndefined();
  });

  test('close() during the handshake leaves no process (B7.15)', async () => {
    const { upstream, stderr } = open(['--hang', '--helper']);
    const connecting = upstream.connect(never);
    await until('the program runs', () => stderr.length > 0);
    await Promise.all([
      expect(connecting).rejects.toMatchObject({ code: 'CLOSED' }),
      upstream.close(),
    ]);
    expect(isRunning(Number(stderr[0]?.replace('helper ', '')))).toBe(false);
  });

  test('close() right after connect() leaves no process (B7.15)', async () => {
    const { upstream } = open(['--helper']);
    const connecting = upstream.connect(never);
    await Promise.all([
      expect(connecting).rejects.toMatchObject({ code: 'CLOSED' }),
      upstream.close(),
    ]);
    expect(upstream.pid).toBeUndefined();
  });
});

describe('real servers from npm', () => {
  const require = createRequire(new URL('../../../../package.json', import.meta.url));
  const real = (name: string, args: readonly string[] = []): Partial<ConnectorDefinition> => {
    const folderOf = require.resolve.paths(name)?.map((path) => join(path, name)) ?? [];
    const script = join(folderOf[0] ?? '', 'dist/index.js');
    return {
      transport: {
        kind: 'stdio',
        command: process.execPath,
        args: [script, ...args],
        env: { MEMORY_FILE_PATH: join(folder, 'memory.json') },
        cwd: undefined,
      },
    };
  };

  test.for([
    ['server-everything', ['stdio']],
    ['server-memory', []],
    ['server-filesystem', [folder]],
  ] as const)('%s connects, lists its tools and stops', async ([name, args]) => {
    const { upstream } = open([], {}, real(`@modelcontextprotocol/${name}`, args));
    const info = await upstream.connect(never);
    expect(info.era).toBe('legacy');
    const list = await upstream.request('tools/list', [], { signal: never, timeoutMs: 10_000 });
    expect(Object(parsed(list)['tools']).length).toBeGreaterThan(5);
    const pid = upstream.pid ?? 0;
    await upstream.close();
    expect(isRunning(pid)).toBe(false);
  });
});
