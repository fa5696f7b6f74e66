import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, bearer } from '../auth/guarded-gateway.ts';
import { send } from '../gateway/raw-client.ts';
import { parseExposition } from '../observability/exposition.ts';
import { expectNoStall, startAttacked, type AttackedGateway } from './attacked-gateway.ts';
import { rawTool, startHostile, type HostileServer } from './hostile-server.ts';

// Tokens of OAuth: credentials/oauth-canary.test.ts.

/** One for each place where a secret can stand. */
const CANARIES = [
  'header-of-a-connector',
  'query-of-an-address',
  'password-of-an-address',
  'variable-of-a-process',
  'argument-of-a-process',
  'bearer-token',
  'shared-key',
  'argument-of-a-call',
  'result-of-a-call',
  'error-of-a-server',
  'progress-token',
  'wrong-key',
  'query-of-a-request',
  'header-of-a-request',
  'uri-of-a-resource',
] as const;
type Canary = (typeof CANARIES)[number];
const canary = (which: Canary): string => `cnry-${CANARIES.indexOf(which)}-${which}-5f3a`;

let server: HostileServer;
let gateway: AttackedGateway;
let key: string;

beforeAll(async () => {
  server = await startHostile({
    // The last is worth a line of the log.
    tools: [rawTool('t'), rawTool('fail'), rawTool('odd', { description: 'x\u200b' })],
  });
  server.intercept = ({ method, name }, id, response) => {
    if (method !== 'tools/call') return false;
    const member =
      name === 'fail'
        ? `"error":{"code":-32000,"message":"${canary('error-of-a-server')}\\r\\n\\u001b[31m"}`
        : `"result":{"content":[{"type":"text","text":"${canary('result-of-a-call')}"}],"resultType":"complete"}`;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},${member}}`);
    return true;
  };
  const address = new URL(server.url);
  const withSecrets = `http://user:${canary('password-of-an-address')}@${address.host}/mcp?key=${canary('query-of-an-address')}`;
  const dead = withSecrets.replace(address.port, '9');
  gateway = await startAttacked({
    config: {
      logLevel: 'trace',
      auth: { limits: { failuresPerMinute: 0 } },
      mcpServers: {
        s: {
          type: 'http',
          url: withSecrets,
          headers: { 'x-secret': canary('header-of-a-connector') },
        },
        dead: { type: 'http', url: dead, auth: { type: 'bearer', token: '${TOKEN}' } },
        child: {
          command: '/no/such/command',
          args: [`--token=${canary('argument-of-a-process')}`],
          env: { SECRET: canary('variable-of-a-process') },
        },
        unset: { type: 'http', url: server.url, headers: { a: '${NOT_SET}' } },
      },
    },
    keys: [{ scopes: ['client', 'operator'] }],
    env: { TOKEN: canary('bearer-token'), CONNECTORS_API_KEY: canary('shared-key') },
  });
  [key = ''] = gateway.keys;
  await waitUntil(async () => (await ask(gateway.url, key, 'tools/list')).text.includes('s__t'), {
    timeoutMs: 15_000,
    describe: 'the tools',
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Everything that goes wrong, with a secret in each place. */
async function provoke(): Promise<string[]> {
  const secret = canary('argument-of-a-call');
  const answers = [
    await ask(gateway.url, key, 'tools/call', { name: 's__t', arguments: { secret } }),
    await ask(gateway.url, key, 'tools/call', { name: 's__fail', arguments: { secret } }),
    await ask(gateway.url, key, 'tools/call', { name: 'dead__t', arguments: { secret } }),
    await ask(gateway.url, key, 'tools/call', { name: 'child__t', arguments: { secret } }),
    await ask(gateway.url, key, 'resources/read', {
      uri: `x://h/?t=${canary('uri-of-a-resource')}`,
    }),
    await send(`${gateway.url}?token=${canary('query-of-a-request')}`, {
      headers: { ...bearer(key), 'x-canary': canary('header-of-a-request') },
      body: `{"jsonrpc":"2.0","id":1,"method":"x","params":{"s":"${secret}"},,}`,
    }),
    await send(gateway.url, { headers: bearer(canary('wrong-key')), body: '{}' }),
    await send(gateway.url, { headers: { 'x-api-key': canary('wrong-key') }, body: '{}' }),
  ];
  return answers.map(({ text }) => text);
}

/** What a file holds. The service goes on meanwhile: a lock may have been released, a draft become its file. */
async function textOf({ parentPath, name }: Dirent): Promise<string> {
  return await readFile(join(parentPath, name), 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && /\.(?:lock|tmp)$|\.\d+$/.test(name)) return '';
    throw error;
  });
}

/** What others than the caller can see: logs, metrics, status, probes, files. */
async function seenByOthers(): Promise<string> {
  const pages = await Promise.all(
    ['/status', '/metrics', '/readyz', '/startupz', '/', '/v1/connectors/service-map'].map(
      async (path) => await send(gateway.origin + path, { method: 'GET', headers: bearer(key) }),
    ),
  );
  const names = await readdir(gateway.stateFolder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && entry.name !== 'keys.json');
  const texts = await Promise.all(files.map(async (entry) => await textOf(entry)));
  return [gateway.stderr(), ...pages.map(({ text }) => text), ...texts].join('\n');
}

/** The secrets that a text holds, as they are or encoded. */
function found(text: string): string[] {
  return CANARIES.map(canary).filter(
    (one) =>
      text.includes(one) ||
      text.includes(encodeURIComponent(one)) ||
      text.includes(Buffer.from(one).toString('base64').slice(4, -6)),
  );
}

test('S16: secrets planted in every field are in no log of any level, metric, status, probe or file', async () => {
  const answers = (await provoke()).join('\n');
  await waitUntil(() => gateway.stderr().includes('"level":'), {
    timeoutMs: 15_000,
    describe: 'a line of the log',
  });
  const text = await seenByOthers();
  expect(found(text)).toEqual([]);
  expect(text).not.toContain(key.slice(-30));
  // A caller sees what he asked for and what the server says to him, and nothing that is ours.
  const own = ['uri-of-a-resource', 'result-of-a-call', 'error-of-a-server'] as const;
  expect(found(answers).toSorted()).toEqual(own.map(canary).toSorted());
});

test('S16 control: what is looked for would be found, in each form', () => {
  const one = canary('bearer-token');
  for (const text of [one, `x${Buffer.from(one).toString('base64')}x`, encodeURIComponent(one)]) {
    expect(found(text)).toEqual([one]);
  }
  expect(found(JSON.stringify(CANARIES.map(canary)))).toHaveLength(CANARIES.length);
});

test('S16: line ends and escapes in names, methods, clients and paths neither end a line nor steer a terminal', async () => {
  const evil =
    'x\r\n{"level":60,"msg":"forged"}\r\nFAKE 1\u001b[2J\u001b]0;owned\u0007\u2028\u202e';
  const name = encodeURIComponent(evil);
  const odd = JSON.stringify({ jsonrpc: '2.0', id: evil, method: evil, params: { name: evil } });
  await send(gateway.url, { headers: bearer(key), body: odd });
  await send(gateway.url, {
    headers: { ...bearer(key), 'mcp-protocol-version': '2025-11-25', 'user-agent': name },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: evil,
      method: 'initialize',
      params: {
        protocolVersion: evil,
        capabilities: {},
        clientInfo: { name: evil, version: evil },
      },
    }),
  });
  await send(`${gateway.origin}/mcp/${name}`, { headers: bearer(key), body: '{}' });
  await send(`${gateway.origin}/${name}`, { method: 'GET', headers: bearer(key) });
  const text = gateway.stderr();
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e\u2028]/);
  const lines = text.split('\n').filter((line) => line.includes('forged'));
  for (const line of lines) expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' });
  const metrics = await send(`${gateway.origin}/metrics`, { method: 'GET', headers: bearer(key) });
  expect(metrics.text).not.toMatch(/^FAKE/m);
  expect(() => parseExposition(metrics.text)).not.toThrow();
});

test('S16: 10,000 names that nobody offers make no series and are not kept', async () => {
  const scrape = async (): Promise<string> => {
    const { text } = await send(`${gateway.origin}/metrics`, {
      method: 'GET',
      headers: bearer(key),
    });
    return text;
  };
  await ask(gateway.url, key, 'tools/call', { name: 'nobody__warm', arguments: {} });
  const before = parseExposition(await scrape()).samples.length;
  await gateway.probe();
  for (let round = 0; round < 100; round += 1) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const name = n % 2 === 0 ? `r${round}-${n}__t` : `s__r${round}-${n}`;
        await ask(gateway.url, key, 'tools/call', { name, arguments: {} });
      }),
    );
  }
  const text = await scrape();
  // An outcome that had not been seen before is a histogram.
  expect(parseExposition(text).samples.length - before).toBeLessThan(100);
  expect(text).not.toMatch(/r\d+-\d+/);
  await expectNoStall(gateway);
});
