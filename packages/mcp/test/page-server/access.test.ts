import { startUpstream } from '@cortex-os/testkit';
import { request } from 'undici';
import { expect, test } from 'vitest';
import { bearer, get, startGuarded, statusOf } from '../auth/guarded-gateway.ts';
import { connector, connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';
import { openEvents, overviewOf, rows } from './page-gateway.ts';

test('S4: with keys the page itself is open, and what it shows is for operators', async () => {
  const started = await startGuarded([], {
    keys: [{ scopes: ['operator'] }, { scopes: ['client'] }, { scopes: ['metrics:read'] }],
  });
  await using gateway = started.gateway;
  const [operator = '', client = '', metrics = ''] = started.keys;
  expect([200, 503]).toContain((await get(`${gateway.origin}/`)).status);
  for (const path of ['/page/api/overview', '/page/api/events']) {
    const url = `${gateway.origin}${path}`;
    const seen = [await statusOf(url), await statusOf(url, client), await statusOf(url, metrics)];
    expect([path, ...seen]).toEqual([path, 401, 403, 403]);
    expect([path, await statusOf(url, operator)]).toEqual([path, 200]);
    // Keys count in headers only: an address ends up in logs.
    expect([path, await statusOf(`${url}?key=${operator}`)]).toEqual([path, 401]);
  }
  const page = await openEvents(gateway.origin, bearer(operator));
  await page.next('overview');
  page.close();
});

test.each(['/', '/page/x.js', '/page/api/overview', '/page/api/events'])(
  'S1: %s answers no foreign page and no other Host',
  async (path) => {
    await using gateway = await startGateway([]);
    const url = `${gateway.origin}${path}`;
    const asked = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await send(url, { method: 'GET', headers })).status;
    expect(await asked({ origin: 'https://evil.test' })).toBe(403);
    expect(await asked({ origin: 'null' })).toBe(403);
    expect(await asked({ host: 'evil.test' })).toBe(403);
    const { statusCode, headers, body } = await request(url, {
      headers: { origin: 'http://localhost:5173' },
    });
    body.on('error', () => undefined).destroy();
    expect(statusCode).not.toBe(403);
    expect(headers['access-control-allow-origin']).toBeUndefined();
  },
);

test('S13: no secret of url, headers, env or args is in the overview, of whatever connector', async () => {
  const secrets = ['user', 'pass', 'path', 'query', 'hash', 'header', 'env', 'args'].map(
    (word) => `s3cret-${word}-0123456789`,
  );
  const [user, pass, path, query, hash, header, env, args] = secrets;
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 600_000 });
  const { host } = new URL(upstream.url);
  const headers = { authorization: `Bearer ${header}`, 'x-api-key': `${header}` };
  const url = `http://${user}:${pass}@${host}/${path}?key=${query}#${hash}`;
  const stdio = (command: string) => ({
    kind: 'stdio' as const,
    command,
    args: ['-e', `process.stderr.write(process.env.TOKEN); process.exit(1)`, '--token', `${args}`],
    env: { TOKEN: `${env}` },
    cwd: undefined,
  });
  await using gateway = await startGateway([
    connectorFor(upstream, 'well', {
      transport: { kind: 'http', url: `${upstream.url}?key=${query}`, headers },
    }),
    connector('refused', { kind: 'http', url, headers }),
    connector('dead', { kind: 'http', url: url.replace(host, '127.0.0.1:1'), headers }),
    connector('older', { kind: 'sse', url: url.replace(host, '127.0.0.1:1'), headers }),
    connector('gone', stdio('/opt/there/no-such-program')),
    connector('ended', stdio(process.execPath)),
  ]);
  await gateway.service.manager.sync();
  const page = await openEvents(gateway.origin);
  const [overview, streamed] = [await overviewOf(gateway), await page.next('overview')];
  page.close();
  const seen = rows(overview);
  expect(seen['well']).toMatchObject({ state: 'ready', origin: `http://${host}` });
  expect(seen['dead']).toMatchObject({ state: 'unavailable', origin: 'http://127.0.0.1:1' });
  expect(seen['gone']).toMatchObject({ state: 'unavailable', origin: 'no-such-program' });
  expect(seen['ended']).toMatchObject({ state: 'unavailable', origin: expect.any(String) });
  const text = JSON.stringify([overview, streamed]);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
});
