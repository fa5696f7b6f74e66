import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  startGuardedServer,
  startOAuthServer,
  startUpstream,
  type OAuthTestServer,
} from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { agree } from '../credentials/oauth-fixture.ts';
import { type CliBench, cliBench } from './fake-io.ts';

async function logIn(bench: CliBench, name: string): Promise<number> {
  const running = bench.run('auth', 'login', name);
  await bench.stderr.until(/Waiting for the login/);
  const address = /^ {2}(http\S+)$/m.exec(bench.stderr.text)?.[1] ?? '';
  expect(await agree(new URL(address))).toBe(200);
  return await running;
}

/** A machine without a configuration file, and a server that wants a token. */
async function withServer(
  use: (bench: CliBench, url: string, issuer: OAuthTestServer) => Promise<void>,
): Promise<void> {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using issuer = await startOAuthServer({ lifetimeSec: 3_600, scopes: ['a'] });
  const target = upstream.url;
  await using guarded = await startGuardedServer({ target, issuer, challengeScope: 'a' });
  await using bench = await cliBench();
  await use(bench, guarded.url, issuer);
}

async function json(bench: CliBench, ...argv: string[]): Promise<unknown> {
  bench.stdout.text = '';
  await bench.run(...argv, '--json');
  return JSON.parse(bench.stdout.text);
}

test('auth login takes a connector of the registry, which uses the tokens from then on', async () => {
  await withServer(async (bench, url, issuer) => {
    expect(await bench.run('connectors', 'add', 'My Web', '--url', url)).toBe(0);
    expect(await json(bench, 'auth', 'status')).toEqual([{ connector: 'my-web', state: 'none' }]);
    // By its id or its name.
    expect(await logIn(bench, 'My Web')).toBe(0);
    expect(bench.stdout.text).toContain('logged in to my-web at ');
    expect(await json(bench, 'auth', 'status', 'my-web')).toMatchObject({
      connector: 'my-web',
      state: 'logged-in',
      issuer: issuer.issuer,
    });
    expect(await json(bench, 'registry', 'get', 'My Web')).toMatchObject({
      connector: { auth: { type: 'oauth' } },
    });
    bench.stdout.text = '';
    expect(await bench.run('sync')).toBe(0);
    expect(bench.stdout.text).toMatch(/my-web +synced/);
    expect(await bench.run('auth', 'logout', 'my-web')).toBe(0);
    expect(await json(bench, 'auth', 'status')).toMatchObject([{ state: 'login-required' }]);
    const stored = await readFile(join(bench.path, '.config/cortex-os/mcp/servers.log'), 'utf8');
    for (const secret of issuer.grants.everything) expect(stored).not.toContain(secret);
  });
});

test('auth login of what came from elsewhere, is off or has a key says what would be right', async () => {
  await using bench = await cliBench();
  const add = async (name: string, ...more: string[]): Promise<number> =>
    await bench.run('connectors', 'add', name, '--url', 'http://127.0.0.1:9/mcp', ...more);
  await add('keyed', '--header', 'authorization=Bearer s3cret-1');
  await add('off', '--disabled');
  const remotes = [{ type: 'streamable-http', url: 'https://w.test/mcp' }];
  const document = { name: 'io.test/web', version: '1.0.0', description: 'w', remotes };
  await writeFile(join(bench.path, 'server.json'), JSON.stringify(document));
  await bench.run('registry', 'add', 'server.json');
  await bench.run('connectors', 'enable', 'io.test/web');
  expect(await bench.run('auth', 'login', 'keyed')).toBe(2);
  expect(await bench.run('auth', 'login', 'off')).toBe(2);
  expect(await bench.run('auth', 'login', 'io-test-web')).toBe(2);
  expect(await bench.run('auth', 'login', 'keyd')).toBe(2);
  const { text } = bench.stderr;
  expect(text).toContain('keyed of the registry has a key in its Authorization header');
  expect(text).toContain('off is switched off; first cortex-mcp connectors enable off');
  expect(text).toContain('came from elsewhere and is given no tokens; add it yourself with');
  expect(text).toContain('did you mean keyed?');
  expect(text).not.toContain('s3cret');
});

test('auth of an entry of the registry that is not right makes that connector unavailable, and no other', async () => {
  await using bench = await cliBench();
  const url = 'http://127.0.0.1:9/mcp';
  const put = async (name: string, auth: unknown): Promise<void> => {
    const record = { name, transport: 'streamableHttp', endpoint: url, connector: { auth } };
    await writeFile(join(bench.path, 'one.json'), JSON.stringify({ ...record, origin: 'local' }));
    expect(await bench.run('registry', 'add', 'one.json')).toBe(0);
  };
  await put('bad', { type: 'oauth', clientSecret: '${X}', clientId: 'x' });
  await put('keyed', { type: 'bearer', token: 'abc' });
  expect(await json(bench, 'auth', 'status')).toEqual([
    { connector: 'bad', state: 'none' },
    { connector: 'keyed', state: 'keys' },
  ]);
  expect(await bench.run('auth', 'login', 'bad')).toBe(1);
  expect(bench.stderr.text).toContain('auth.clientSecret of its entry: is given without an issuer');
});
