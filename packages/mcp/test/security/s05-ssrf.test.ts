import { createServer, type Server, type ServerResponse } from 'node:http';
import { lookup as systemLookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPublicLookup, type ResolveName } from '../../src/connectors/map/public-lookup.ts';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import { MAP_KEY, signedMap, startMapServer, type MapServer } from '../e2e/map-fixture.ts';
import { sendModern } from '../gateway/raw-client.ts';
import { expectNoStall, servers, startAttacked, type AttackedGateway } from './attacked-gateway.ts';

// CVE-2026-26118 (Azure MCP), vercel/ai #15966, ContextForge #5601. OAuth metadata: credentials/discovery-hostile.test.ts.

let inside: Server;
let insidePort: number;
let connects = 0;

/** The service that nobody outside may reach: it counts who as much as knocks. */
beforeAll(async () => {
  inside = createServer((_request, response) => response.end('inner secrets'));
  inside.on('connection', () => (connects += 1));
  await new Promise<void>((resolve) => inside.listen(0, '0.0.0.0', resolve));
  insidePort = (inside.address() as AddressInfo).port;
});
afterAll(() => {
  inside.closeAllConnections();
  inside.close();
});
beforeEach(() => {
  connects = 0;
});

/** Ways to write this machine, its network, and the metadata services of clouds. */
const HOSTS = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '0x7f000001',
  '0x7f.1',
  '2130706433',
  '0177.0.0.1',
  '017700000001',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  '0.0.0.0',
  '0',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'ｌｏｃａｌｈｏｓｔ',
  'a.localhost',
  'printer.local',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::127.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:4136:e378:8000:63bf:80ff:fffe]',
  '[fe80::1]',
  '[fec0::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '10.0.0.1',
  '100.64.0.1',
  '100.100.100.200',
  '169.254.169.254',
  '169.254.170.2',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '192.0.0.192',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  'metadata.google.internal',
] as const;

interface Mapped extends AsyncDisposable {
  readonly gateway: AttackedGateway;
  readonly maps: MapServer;
  /** Each connector of the map with why it cannot be used. */
  reasons(): Promise<ReadonlyMap<string, string>>;
}

/** A gateway that follows a remote map of these endpoints. */
async function startMapped(endpoints: readonly string[], allowHosts: string[]): Promise<Mapped> {
  const entries = endpoints.map((endpoint, index) => ({
    id: `c${index}`,
    displayName: endpoint,
    endpoint,
  }));
  const maps = await startMapServer(signedMap(entries));
  const gateway = await startAttacked({
    config: { mcpServers: servers({}), serviceMap: { url: maps.url, allowHosts } },
    env: { CONNECTORS_SIGNATURE_KEY: new TextDecoder().decode(MAP_KEY.secret) },
  });
  const reasons = async (): Promise<ReadonlyMap<string, string>> => {
    const { connectors } = (await (await fetch(`${gateway.origin}/status`)).json()) as {
      connectors: { id: string; failure?: { code: string; message: string } }[];
    };
    return new Map(
      connectors.map(({ id, failure: { code, message } = { code: 'PENDING', message: '' } }) => [
        id,
        `${code} ${message}`,
      ]),
    );
  };
  await waitUntil(
    async () => {
      const known = await reasons();
      const judged = [...known.values()].filter((why) => !why.startsWith('PENDING'));
      return judged.length === entries.length;
    },
    { timeoutMs: 15_000, describe: 'every connector has been judged' },
  );
  return {
    gateway,
    maps,
    reasons,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await maps[Symbol.asyncDispose]();
    },
  };
}

test('S5: 48 ways of writing an inner address, by https and by http, are never connected to', async () => {
  const https = HOSTS.map((host) => `https://${host}:${insidePort}/mcp`);
  const http = HOSTS.slice(0, 10).map((host) => `http://${host}:${insidePort}/mcp`);
  const others = [`https://user:pw@127.0.0.1:${insidePort}/`, `https://\${HOST}:${insidePort}/`];
  const all = [...https, ...http, ...others];
  await using mapped = await startMapped(all, []);
  await mapped.gateway.probe();
  const reasons = await mapped.reasons();
  const open = all.filter((_, index) => !/ENDPOINT_/.test(reasons.get(`c${index}`) ?? ''));
  expect(open).toEqual([]);
  await Promise.all(
    all.map(async (_, index) => {
      await sendModern(mapped.gateway.url, 'tools/call', { name: `c${index}__echo` });
    }),
  );
  expect(connects).toBe(0);
  await expectNoStall(mapped.gateway);
});

test('S5: a name that the system resolves to this machine is refused when it is connected to', async () => {
  const name = hostname();
  const { address } = await systemLookup(name).catch(() => ({ address: '' }));
  if (!address.startsWith('127.')) return; // this machine's name leads elsewhere
  await using mapped = await startMapped(
    [`https://${name}.:${insidePort}/`, `https://${name}:${insidePort}/`],
    [],
  );
  const reasons = [...(await mapped.reasons()).values()];
  expect(reasons).toEqual([expect.any(String), expect.stringContaining('ENDPOINT_PRIVATE')]);
  expect(connects).toBe(0);
});

/** Answers everything by sending it elsewhere. */
async function startRedirector(status: number, location: string) {
  const seen: string[] = [];
  const server = createServer((request, response: ServerResponse) => {
    seen.push(request.method ?? '');
    response.writeHead(status, { location }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/mcp`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('S5: servers that redirect lead nobody to an inner address, nor to metadata of a cloud', async () => {
  const targets = [`http://127.0.0.1:${insidePort}/latest`, 'http://169.254.169.254/latest/'];
  const wanted = [301, 302, 303, 307, 308].flatMap((status) =>
    targets.map((target) => [status, target] as const),
  );
  const all = await Promise.all(wanted.map(async (one) => await startRedirector(...one)));
  {
    const urls = all.map(({ url }) => url);
    const hosts = all.map(({ host }) => host);
    await using mapped = await startMapped(urls, hosts);
    const reasons = [...(await mapped.reasons()).values()];
    const said = wanted.map(([status]) => `the server answered with HTTP status ${status}`);
    expect(reasons).toEqual(said.map((why) => expect.stringContaining(why) as unknown));
  }
  expect(all.filter(({ seen }) => seen.length === 0)).toEqual([]);
  expect(connects).toBe(0);
  await Promise.all(all.map(async (one) => await one[Symbol.asyncDispose]()));
});

test('S5 control: a client that follows redirects as fetch does is led inside', async () => {
  await using one = await startRedirector(307, `http://127.0.0.1:${insidePort}/latest`);
  const answer = await fetch(one.url, { method: 'POST', body: '{}' });
  expect([await answer.text(), connects]).toEqual(['inner secrets', 1]);
});

test('S5: a name that is public when it is checked and private when it is used is connected to neither time', async () => {
  let asked = 0;
  const rebinding: ResolveName = (_name, done) => {
    asked += 1;
    done(null, [{ address: asked === 1 ? '203.0.113.7' : '127.0.0.1', family: 4 }]);
  };
  const first = Promise.withResolvers<unknown>();
  createPublicLookup([], rebinding)('rebind.example', {}, (_error, address) =>
    first.resolve(address),
  );
  // What was checked is what is used: the address goes to the socket, the name is not asked again.
  expect([await first.promise, asked]).toEqual(['203.0.113.7', 1]);
  const agents = createSharedAgents({ lookup: createPublicLookup([], rebinding) });
  const origin = `http://rebind.example:${insidePort}`;
  await expect(agents.requests.request({ origin, path: '/', method: 'GET' })).rejects.toMatchObject(
    { code: 'ENDPOINT_PRIVATE' },
  );
  expect(connects).toBe(0);
  await agents.close();
});

test('S5 control: one that checks a name first and connects by name then is led inside', async () => {
  let asked = 0;
  const resolve = (): string => {
    asked += 1;
    return asked === 1 ? '203.0.113.7' : '127.0.0.1';
  };
  const isPublic = resolve() === '203.0.113.7';
  const agents = createSharedAgents({
    lookup: (_name, _options, done) => done(null, [{ address: resolve(), family: 4 }]),
  });
  const origin = `http://rebind.example:${insidePort}`;
  const answer = isPublic && (await agents.requests.request({ origin, path: '/', method: 'GET' }));
  expect(answer === false ? '' : await answer.body.text()).toBe('inner secrets');
  expect(connects).toBe(1);
  await agents.close();
});
