import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive, startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { startServe } from './serve-process.ts';

const FAULTS = {
  'an exception nobody caught': `setTimeout(() => { throw new Error('boom swordfish1 late-swordfish2') }, 10)`,
  'a rejection nobody handled': `Promise.reject(new Error('boom swordfish1 late-swordfish2'))`,
};

test.each(Object.entries(FAULTS))(
  '%s ends the program with exit code 1, one line without secrets, and no child left',
  async (_name, fault) => {
    await using folder = tempFolder();
    await using upstream = await startUpstream({ kind: 'legacy-stdio' });
    const config = join(folder.path, 'cortex-mcp.json');
    // Read when the connector connects.
    const secretFile = join(folder.path, 'secret');
    await writeFile(secretFile, 'late-swordfish2\n');
    const one = { ...upstream.command, env: { LATE: `\${file:${secretFile}}` } };
    await writeFile(config, JSON.stringify({ mcpServers: { one } }));
    // A fault of ours, asked for by a signal.
    const preload = join(folder.path, 'fault.mjs');
    await writeFile(preload, `process.on('SIGUSR2', () => { ${fault} });`);
    const program = fileURLToPath(new URL('run-worker.ts', import.meta.url));
    const child = spawn(
      process.execPath,
      [
        '--conditions=cortex-source',
        '--import',
        preload,
        program,
        'serve',
        '--config',
        config,
        '--port',
        '0',
      ],
      {
        env: { ...process.env, CORTEX_HOME: folder.path, NO_COLOR: '1', MY_TOKEN: 'swordfish1' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exit = once(child, 'exit');
    await waitUntil(() => /^one\s+fresh/m.test(stdout) && upstream.processes().length > 0, {
      timeoutMs: 20_000,
      describe: 'the connector is up',
    });
    const pids = upstream.processes();
    child.kill('SIGUSR2');
    expect(await exit).toEqual([1, null]);
    expect(stderr).toContain('a fault ends the program');
    expect(stderr).toContain('boom *** ***');
    expect(stderr).not.toContain('swordfish2');
    expect(stderr).not.toContain('swordfish1');
    await waitUntil(() => !pids.some(isAlive), { describe: 'no child is left' });
  },
  40_000,
);

const canary = (place: string): string => `canary${place}${'0123456789abcdef'.repeat(2)}`;

test('secrets planted in every field of a configuration are in no output of a fault (S16)', async () => {
  await using folder = tempFolder();
  const places = ['header', 'plain', 'query', 'userinfo', 'env', 'argument', 'expanded', 'client'];
  const servers = {
    http: {
      url: `http://127.0.0.1:1/mcp?token=${canary('query')}`,
      headers: { Authorization: `Bearer ${canary('header')}`, 'X-Any': canary('plain') },
    },
    sealed: { url: 'http://127.0.0.1:1/mcp', headers: { 'X-Any': '${GIVEN}' } },
    named: { url: `http://user:${canary('userinfo')}@127.0.0.1:1/mcp` },
    stdio: {
      command: process.execPath,
      args: ['-e', '0', '--', '--password', canary('argument')],
      env: { ANY: canary('env') },
    },
  };
  // A fault of ours that has all of it in its message.
  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, JSON.stringify({ mcpServers: servers }));
  const preload = join(folder.path, 'fault.mjs');
  const message = `${places.map(canary).join(' and ')} ${JSON.stringify(servers)}`;
  await writeFile(
    preload,
    `process.on('SIGUSR2', () => { throw new Error(${JSON.stringify(message)}) });`,
  );
  await using serve = await startServe({
    folder,
    mcpServers: servers,
    env: {
      NODE_OPTIONS: `--import=${preload}`,
      GIVEN: canary('expanded'),
      MCP_API_KEY: canary('client'),
    },
  });
  const exit = once(serve.child, 'exit');
  serve.child.kill('SIGUSR2');
  expect(await exit).toEqual([1, null]);
  const output = serve.stdout() + serve.stderr();
  expect(output).toContain('a fault ends the program');
  expect(output, 'the control: the message is there').toContain('*** and ***');
  expect([...new Set(output.match(/canary[a-z]+/g) ?? [])]).toEqual([]);
}, 40_000);
