import { expect, test } from 'vitest';
import { startGuardedServer, startOAuthServer, type OAuthTestServer } from '@cortex-os/testkit';
import { agree } from '../credentials/oauth-fixture.ts';
import { type CliBench, cliBench } from './fake-io.ts';

const TARGET = 'http://127.0.0.1:9/mcp';

/** Runs `auth login` and agrees when the address is shown. */
async function logIn(bench: CliBench, ...more: string[]): Promise<number> {
  const running = bench.run('auth', 'login', 'one', ...more);
  await bench.stderr.until(/Waiting for the login/);
  const address = /^ {2}(http\S+)$/m.exec(bench.stderr.text)?.[1] ?? '';
  expect(await agree(new URL(address))).toBe(200);
  return await running;
}

async function withServers(
  use: (bench: CliBench, issuer: OAuthTestServer) => Promise<void>,
): Promise<void> {
  await using issuer = await startOAuthServer({ lifetimeSec: 3_600, scopes: ['a'] });
  await using guarded = await startGuardedServer({ target: TARGET, issuer, challengeScope: 'a' });
  await using bench = await cliBench();
  await bench.configure({
    one: { url: guarded.url, auth: { type: 'oauth' } },
    keyed: { url: guarded.url, auth: { type: 'bearer', token: 'x' } },
    open: { url: guarded.url },
  });
  await use(bench, issuer);
}

test('auth login prints the address in a pipe, keeps what was given, and says so in one line or as JSON', async () => {
  await withServers(async (bench, issuer) => {
    expect(await logIn(bench, '--json')).toBe(0);
    expect(JSON.parse(bench.stdout.text)).toMatchObject({
      connector: 'one',
      issuer: issuer.issuer,
      scopes: ['a'],
      renewable: true,
    });
    expect(await bench.run('auth', 'status', 'one', '--json')).toBe(0);
    const status = bench.stdout.text.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(status)).toMatchObject({
      state: 'logged-in',
      scopes: ['a'],
      renewable: true,
    });
    const shown = bench.stdout.text + bench.stderr.text.replaceAll(/^ {2}http\S+$/gm, '');
    for (const secret of issuer.grants.everything) expect(shown).not.toContain(secret);
  });
});

test('auth status lists every connector, says who needs a login, and fails then', async () => {
  await withServers(async (bench) => {
    expect(await bench.run('auth', 'status')).toBe(1);
    expect(bench.stdout.text).toMatch(/one +login-required/);
    expect(bench.stdout.text).toMatch(/keyed +keys/);
    expect(bench.stdout.text).toMatch(/open +none/);
    expect(bench.stderr.text).toContain('run cortex-mcp auth login one');
    await logIn(bench);
    expect(bench.stdout.text).toMatch(/logged in to one at http\S+ until \S+, renewed by itself/);
    expect(await bench.run('auth', 'status')).toBe(0);
    expect(bench.stdout.text).toMatch(/one +logged-in +http/);
  });
});

test('auth logout revokes what was given (RFC 7009) and forgets it', async () => {
  await withServers(async (bench, issuer) => {
    await logIn(bench);
    expect(issuer.grants.refresh.size).toBe(1);
    expect(await bench.run('auth', 'logout', 'one')).toBe(0);
    expect(bench.stdout.text).toContain('logged out of one, tokens revoked');
    expect(issuer.grants.refresh.size).toBe(0);
    expect(await bench.run('auth', 'logout', 'one', '--json')).toBe(0);
    expect(bench.stdout.text).toContain('"removed":0');
    expect(await bench.run('auth', 'status', 'one')).toBe(1);
  });
});

test('auth logout forgets what cannot be revoked', async () => {
  await withServers(async (bench, issuer) => {
    await logIn(bench);
    await issuer[Symbol.asyncDispose]();
    expect(await bench.run('auth', 'logout', 'one')).toBe(0);
    expect(bench.stderr.text).toMatch(/not revoked, it ends by itself/);
    expect(bench.stdout.text).toContain('logged out of one\n');
  });
});

test('Ctrl-C ends a login that is waiting, with the code of the signal', async () => {
  await withServers(async (bench) => {
    const running = bench.run('auth', 'login', 'one', '--no-browser');
    await bench.stderr.until(/Waiting for the login/);
    bench.stop('SIGINT');
    expect(await running).toBe(130);
  });
});

test('auth names what is missing: the connector, its auth, a server that can be asked', async () => {
  await withServers(async (bench, issuer) => {
    expect(await bench.run('auth', 'login', 'ome')).toBe(2);
    expect(bench.stderr.text).toContain('did you mean one?');
    expect(await bench.run('auth', 'login', 'open')).toBe(1);
    expect(bench.stderr.text).toContain('add auth with type oauth');
    await issuer[Symbol.asyncDispose]();
    expect(await bench.run('auth', 'login', 'one')).toBe(1);
    expect(bench.stderr.text).toMatch(/could not be asked/);
    expect(await bench.run('auth', 'login', '--help')).toBe(0);
    expect(bench.stdout.text).toContain('cortex-mcp auth login github');
  });
});
