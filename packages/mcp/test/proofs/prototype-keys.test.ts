import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { openSession, sendModern } from '../gateway/raw-client.ts';
import { startServe } from '../e2e/serve-process.ts';
import { startToolServer } from '../pins/tool-server.ts';

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', '__defineGetter__'];
const HOSTILE = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';

/** What a program was started with, as its last words. */
const sayEnvironment = `console.error("given", JSON.stringify(Object.entries(process.env))); process.exit(1)`;

test.each([undefined, '--disable-proto=throw'])(
  'keys of the prototype are keys like any other: connectors, variables, headers, tools, arguments (S14, %s)',
  async (nodeOptions) => {
    await using folder = tempFolder();
    await using tools = await startToolServer(
      ...KEYS.map(
        (name) =>
          `{"name":"${name}","description":"d","inputSchema":${HOSTILE},"_meta":${HOSTILE}}`,
      ),
    );
    tools.answer = `"result":{"resultType":"complete","content":[],"structuredContent":${HOSTILE}}`;
    const headers: Record<string, unknown>[] = [];
    const echo = createServer((request, response) => {
      headers.push(request.headers);
      response.writeHead(500).end();
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const { port } = echo.address() as AddressInfo;
    await writeFile(join(folder.path, 'vars.env'), '__proto__=from-file\nconstructor=c\n');
    const entry = (name: string): [string, unknown] => [name, { url: tools.url }];
    const servers = Object.fromEntries([
      ...KEYS.map(entry),
      [
        'echo',
        {
          url: `http://127.0.0.1:${port}/mcp`,
          headers: JSON.parse('{"__proto__":"h","constructor":"c"}') as object,
        },
      ],
      [
        'env',
        {
          command: process.execPath,
          args: ['-e', sayEnvironment],
          envFile: join(folder.path, 'vars.env'),
          env: JSON.parse('{"prototype":"own"}') as object,
        },
      ],
    ]);
    await using serve = await startServe({
      folder,
      mcpServers: servers,
      env: { MCP_LOG_LEVEL: 'debug', ...(nodeOptions && { NODE_OPTIONS: nodeOptions }) },
    });
    const origin = serve.url.replace('/mcp', '');
    await waitUntil(async () => (await fetch(`${origin}/readyz`)).ok, {
      timeoutMs: 20_000,
      describe: 'readiness',
    });
    const status = (await (await fetch(`${origin}/status`)).json()) as {
      connectors: { id: string; title: string; tools: number }[];
    };
    const own = status.connectors.filter(({ title }) => KEYS.includes(title));
    expect(own.map(({ tools: count }) => count)).toEqual(KEYS.map(() => KEYS.length));
    const session = await openSession(serve.url);
    for (const { id } of own) {
      for (const name of KEYS) {
        const params = JSON.parse(`{"name":"${id}__${name}","arguments":${HOSTILE}}`) as Record<
          string,
          unknown
        >;
        const answer = (await sendModern(serve.url, 'tools/call', params)).text;
        expect(answer).toContain('"result"');
        expect(answer).toContain(HOSTILE);
        expect((await session.send('tools/call', params)).text).toContain('"result"');
      }
    }
    for (const name of KEYS) {
      expect((await sendModern(serve.url, 'tools/call', { name })).json()).toHaveProperty(
        'error.code',
        -32602,
      );
      expect((await fetch(`${origin}/mcp/${name}x`, { method: 'POST' })).status).toBe(404);
    }
    await waitUntil(() => serve.stderr().includes('given'), { describe: 'the environment' });
    const said = /given (\[.*?\]\])/.exec(serve.stderr().replaceAll('\\"', '"'))?.[1] ?? '[]';
    const given = new Map(JSON.parse(said) as [string, string][]);
    expect([given.get('__proto__'), given.get('constructor'), given.get('prototype')]).toEqual([
      'from-file',
      'c',
      'own',
    ]);
    expect(headers.length).toBeGreaterThan(0);
    expect(Object.getOwnPropertyDescriptor(headers[0], 'constructor')?.value).toBe('c');
    expect((await fetch(`${origin}/livez`)).status).toBe(200);
    expect((await serve.stop('SIGTERM')).code).toBe(0);
    echo.closeAllConnections();
    echo.close();
  },
  60_000,
);
