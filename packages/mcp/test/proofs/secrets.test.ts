import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';
import { startServe } from '../e2e/serve-process.ts';

/** Planted where secrets are kept. Each can be told from every other. */
const secret = (place: string): string => `canary${place}${'0123456789abcdef'.repeat(2)}`;

/** A server that refuses, or answers with what it was sent: a leak would come from us. */
async function startRefusing(): Promise<
  { readonly url: string; readonly seen: string[] } & AsyncDisposable
> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(JSON.stringify([request.url, request.headers]));
    response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Every text of a folder's files but those that are made to hold secrets. */
async function textsIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('secrets'));
  const own = files.filter(({ name }) => name !== 'cortex-mcp.json');
  const texts = own.map(
    async ({ parentPath, name }) => await readFile(join(parentPath, name), 'utf8'),
  );
  return (await Promise.all(texts)).join('\n');
}

test('secrets planted in every field show up nowhere but where they are sent (S16)', async () => {
  await using refusing = await startRefusing();
  await using folder = tempFolder();
  // Says what it was given, and ends: its last words are part of the error.
  const blabbing =
    'console.error("started with", process.env.API_TOKEN, process.argv[1], process.env.DB); process.exit(3)';
  await using serve = await startServe({
    folder,
    env: {
      MCP_LOG_LEVEL: 'trace',
      FROM_ENV: secret('expanded'),
      MCP_REGISTRY_API_KEY: secret('registry'),
      CONNECTORS_API_KEY: secret('shared'),
      CONNECTORS_SIGNATURE_KEY: secret('signature'),
    },
    mcpServers: {
      refused: {
        url: `${refusing.url}/mcp?token=${secret('query')}`,
        headers: { Authorization: `Bearer ${secret('header')}`, 'X-Api-Key': '${FROM_ENV}' },
      },
      userinfo: { url: `${refusing.url.replace('//', `//user:${secret('userinfo')}@`)}/mcp` },
      closed: {
        url: `http://127.0.0.1:1/?key=${secret('closedquery')}`,
        headers: { Authorization: `Bearer ${secret('closedheader')}` },
      },
      blabbing: {
        command: process.execPath,
        args: ['-e', blabbing, '--', `--token=${secret('argument')}`],
        env: { API_TOKEN: secret('env'), DB: `postgres://app:${secret('dsn')}@db/x` },
      },
      missing: { command: '/no/such/program', args: ['--api-key', secret('missing')], env: {} },
      mailformed: {
        url: 'http://[',
        headers: { A: secret('malformed') },
        disabled: true,
        type: 'ws',
      },
    },
  });
  const origin = serve.url.replace('/mcp', '');
  const answers: string[] = [];
  const ask = async (name: string): Promise<void> => {
    const answer = await send(serve.url, {
      headers: {
        ...modernHeaders('tools/call', name),
        authorization: `Bearer ${secret('inbound')}`,
      },
      body: modernBody('tools/call', { name, arguments: { password: secret('callargument') } }),
    });
    answers.push(answer.text, JSON.stringify(answer.headers));
  };
  await waitUntil(async () => (await fetch(`${origin}/readyz`)).ok, {
    timeoutMs: 20_000,
    describe: 'readiness',
  });
  await waitUntil(() => serve.stderr().includes('started with'), { describe: 'its last words' });
  for (const id of ['refused', 'userinfo', 'closed', 'blabbing', 'missing', 'none']) {
    await ask(`${id}__tool`);
  }
  for (const path of ['/status', '/metrics', '/livez', '/v0.1/servers', '/']) {
    answers.push(await (await fetch(origin + path)).text());
  }
  answers.push(await (await fetch(`${origin}/mcp/${secret('path')}`, { method: 'PUT' })).text());
  expect((await serve.stop('SIGTERM')).code).toBe(0);

  const everything = [...answers, serve.stdout(), serve.stderr(), await textsIn(folder.path)].join(
    '\n',
  );
  // The control: what is looked for would be found, and the secrets were used.
  expect(everything).toContain('CONNECT_FAILED');
  expect(everything).toContain('started with');
  expect(everything).toMatch(/"outcome":"unavailable"/);
  const sent = refusing.seen.join('\n');
  for (const place of ['query', 'header', 'expanded']) expect(sent).toContain(secret(place));
  expect(sent).toContain(Buffer.from(`user:${secret('userinfo')}`).toString('base64'));

  const found = everything.match(/canary[a-z]+/g) ?? [];
  const base64 = Buffer.from(`user:${secret('userinfo')}`).toString('base64');
  expect([...new Set(found)]).toEqual(['canarypath']);
  expect(everything).not.toContain(base64);
}, 60_000);

test('ten thousand names of tools that nobody has make no series and stay bounded in the log (S16)', async () => {
  await using folder = tempFolder();
  await using serve = await startServe({ folder, mcpServers: {} });
  const origin = serve.url.replace('/mcp', '');
  const metrics = async (): Promise<number> =>
    (await (await fetch(`${origin}/metrics`)).text())
      .split('\n')
      .filter((line) => !line.startsWith('#')).length;
  const before = await metrics();
  for (let batch = 0; batch < 100; batch += 1) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const name = `x${batch}-${index}__${'n'.repeat(index)}\n`;
        await send(serve.url, {
          headers: modernHeaders(
            'tools/call',
            `=?base64?${Buffer.from(name).toString('base64')}?=`,
          ),
          body: modernBody('tools/call', { name }),
        });
      }),
    );
  }
  expect((await metrics()) - before).toBeLessThan(50);
  await serve.stop('SIGTERM');
  const lines = (await readFile(join(folder.path, 'mcp', 'audit.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(10_000);
  expect(
    lines.every((line) => (JSON.parse(line) as { outcome: string }).outcome === 'unknown'),
  ).toBe(true);
}, 60_000);
