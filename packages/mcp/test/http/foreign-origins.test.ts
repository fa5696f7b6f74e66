import { readdir, readFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder, type TempFolder } from '@cortex-os/testkit';
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { API_KEY, startRegistryGateway, type RegistryGateway } from '../registry-fixture.ts';

let folder: TempFolder;
let gateway: RegistryGateway;

beforeAll(async () => {
  folder = tempFolder();
  gateway = await startRegistryGateway(
    folder.path,
    {},
    { settings: { ...DEFAULT_SETTINGS, sse: true } },
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const FOREIGN = { origin: 'https://evil.test' };

async function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers'] }> {
  const sent = request(`${gateway.origin}${path}`, { method, headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.destroy();
  return { status: response.statusCode ?? 0, headers: response.headers };
}

const READS = ['GET', 'HEAD', 'OPTIONS'] as const;
const WRITES = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;
const METHODS = [...READS, ...WRITES] as const;

/** Every route of a service with all its parts switched on, paths that are served by none included. */
const CLOSED = [
  '/',
  '/api/x',
  '/livez',
  '/mcp',
  '/mcp/registry',
  '/messages',
  '/metrics',
  '/nothing',
  '/page/api/events',
  '/page/api/overview',
  '/page/index.html',
  '/readyz',
  '/sse',
  '/sse/registry',
  '/startupz',
  '/status',
  '/v0.1',
  '/v0.10/servers',
  '/v1/connectors/service-map',
  '/v1/registry/changes',
  '/v1/registry/hello',
];

test.each(CLOSED)(
  '%s is closed to pages of foreign origins, whatever the method (S1)',
  async (path) => {
    for (const method of METHODS) {
      expect([method, (await ask(method, path, FOREIGN)).status]).toEqual([method, 403]);
      expect((await ask(method, path, { origin: 'null' })).status).toBe(403);
    }
  },
);

const REGISTRY = [
  '/v0.1/servers',
  '/v0.1/servers/a%2Fb/versions',
  '/v0.1/publish',
  '/v0.1/nothing',
];

test.each(REGISTRY)(
  '%s is read by pages of any origin, and written by none but ours',
  async (path) => {
    const given = { ...FOREIGN, authorization: `Bearer ${API_KEY}` };
    for (const method of WRITES) {
      expect([method, (await ask(method, path, given)).status]).toEqual([method, 403]);
    }
    for (const method of READS) {
      const { status, headers } = await ask(method, path, given);
      expect(status).not.toBe(403);
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(headers['access-control-allow-methods']).toBe('GET, OPTIONS');
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
  },
);

test.each(REGISTRY)(
  '%s answers nobody under another Host: a name that is rebound (S1)',
  async (path) => {
    for (const method of METHODS) {
      for (const headers of [{}, FOREIGN, { origin: 'http://evil.test' }]) {
        const { status } = await ask(method, path, { ...headers, host: 'evil.test' });
        expect([method, status]).toEqual([method, 403]);
      }
    }
  },
);

test('a page of this machine may write with the key of the API', async () => {
  const { status } = await ask('POST', '/v0.1/publish', {
    origin: 'http://localhost:5173',
    authorization: `Bearer ${API_KEY}`,
  });
  expect(status).toBe(415);
});

test('no other route asks for foreign origins, and every route has been tried above', async () => {
  const source = join(import.meta.dirname, '../../src');
  const names = (await readdir(source, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const files = await Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(source, name), 'utf8') })),
  );
  const open = files.filter(({ text }) => /\banyOrigin: \[/.test(text)).map(({ name }) => name);
  // The metadata of OAuth say where tokens come from, and are the same for everybody (RFC 9728).
  expect(open.toSorted()).toEqual(['http/registry.ts', 'http/resource-metadata.ts']);
  const routes = files.flatMap(({ text }) =>
    [...text.matchAll(/'(\/[\w./-]*)',\s*\{\s*(?:\/\/[^\n]*\s*)?auth: /g)].map(
      ([, path = '']) => path,
    ),
  );
  expect(routes.length).toBeGreaterThan(8);
  const tried = [...CLOSED, ...REGISTRY];
  const missed = routes.filter(
    (route) =>
      !tried.some((path) => path === route || (route.endsWith('/') && path.startsWith(route))),
  );
  expect(missed).toEqual([]);
});
