import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.ts';
import { CLIENT_MODES, connectClient } from './clients.ts';

const PACKAGES = fileURLToPath(
  new URL('../../../../node_modules/@modelcontextprotocol/', import.meta.url),
);
const program = (name: string): string => join(PACKAGES, `server-${name}`, 'dist', 'index.js');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function startEverythingHttp(): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const child = spawn(process.execPath, [program('everything'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await waitUntil(() => stderr.includes('listening'), {
    timeoutMs: 15_000,
    describe: 'server-everything listens',
  });
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

let folder: TempFolder;
let http: { url: string; stop: () => Promise<void> };
let gateway: Gateway;
let url: string;

beforeAll(async () => {
  folder = tempFolder();
  await writeFile(join(folder.path, 'note.txt'), 'a note');
  http = await startEverythingHttp();
  gateway = await createGateway({
    mcpServers: {
      everything: { command: process.execPath, args: [program('everything'), 'stdio'] },
      'Everything HTTP': { url: http.url },
      files: { command: process.execPath, args: [program('filesystem'), folder.path] },
      memory: {
        command: process.execPath,
        args: [program('memory')],
        env: { MEMORY_FILE_PATH: join(folder.path, 'memory.jsonl') },
      },
    },
  });
  ({ url } = await gateway.start());
  await gateway.manager.sync();
}, 30_000);

afterAll(async () => {
  await gateway.close();
  await http.stop();
  await folder[Symbol.asyncDispose]();
});

test('createGateway() syncs the servers of npm, a name with a space becomes an id', () => {
  const states = gateway.manager
    .listConnectors()
    .map(({ id, title, state, era }) => ({ id, title, state, era }));
  expect(states).toEqual([
    { id: 'everything', title: 'everything', state: 'fresh', era: 'legacy' },
    { id: 'everything-http', title: 'Everything HTTP', state: 'fresh', era: 'legacy' },
    { id: 'files', title: 'files', state: 'fresh', era: 'legacy' },
    { id: 'memory', title: 'memory', state: 'fresh', era: 'legacy' },
  ]);
  expect(gateway.warnings).toEqual([]);
});

describe.each(CLIENT_MODES)('client %s', (mode) => {
  test.each(['everything', 'everything-http'])('uses %s', async (id) => {
    await using client = await connectClient(url, mode);
    expect(await client.call(`${id}__echo`, { message: 'hi' })).toMatchObject({
      content: [{ type: 'text', text: 'Echo: hi' }],
    });
    expect(await client.call(`${id}__get-tiny-image`)).toMatchObject({
      content: expect.arrayContaining([
        expect.objectContaining({ type: 'image', mimeType: 'image/png' }),
      ]) as unknown,
    });
    expect(
      await client.call(`${id}__get-structured-content`, { location: 'New York' }),
    ).toMatchObject({ structuredContent: { temperature: expect.any(Number) as unknown } });
    const progress = await client.callWithProgress(`${id}__trigger-long-running-operation`, {
      duration: 0.1,
      steps: 2,
    });
    expect(progress).toContain(1);
  });

  test('reads a file and writes to the memory', async () => {
    await using client = await connectClient(url, mode);
    const path = join(folder.path, 'note.txt');
    expect(await client.call('files__read_text_file', { path })).toMatchObject({
      content: [{ text: 'a note' }],
    });
    const entity = { name: `n-${mode}`, entityType: 'test', observations: ['x'] };
    await client.call('memory__create_entities', { entities: [entity] });
    expect(JSON.stringify(await client.call('memory__read_graph'))).toContain(`n-${mode}`);
  });
});

test('call() reaches a tool without a client', async () => {
  const answer = await gateway.call('everything__get-sum', '{"a":2,"b":40}');
  expect(JSON.parse(answer)).toMatchObject({
    result: { content: [{ text: expect.stringContaining('42') as unknown }] },
  });
});

test('createGateway() names what is wrong with an entry', async () => {
  await expect(createGateway({ mcpServers: { x: { url: 'not a url' } } })).rejects.toMatchObject({
    code: 'CONFIG_BAD_URL',
  });
  await using odd = await createGateway({ mcpServers: { x: { comand: 'node', command: 'node' } } });
  expect(odd.warnings.join('\n')).toContain('command');
});
