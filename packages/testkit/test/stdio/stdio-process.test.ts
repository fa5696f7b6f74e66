import { describe, expect, test } from 'vitest';
import { countChildren, isAlive, startUpstream, waitUntil } from '../../src/index.ts';
import { INITIALIZE, echo, startChild } from './raw-child.ts';

describe('a stdio server as a process', () => {
  test('answers, shows its environment, and ends with its stdin', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-stdio', name: 'child' });
    await using server = startChild(upstream, { TESTKIT_PROBE: 'grün' });
    server.send(INITIALIZE);
    await server.until('"serverInfo":{"name":"child"');
    server.send({
      id: 1,
      method: 'tools/call',
      params: { name: 'env', arguments: { name: 'TESTKIT_PROBE' } },
    });
    await server.until('"text":"grün"');
    expect(upstream.counts).toMatchObject({ requests: 2, connections: 1 });
    expect(upstream.processes()).toEqual([server.pid]);
    server.child.stdin?.end();
    expect(await server.exit).toBe(0);
    expect(upstream.processes()).toEqual([]);
  });

  test('reset closes stdout while the process lives on', async () => {
    const faults = [{ kind: 'reset', method: 'tools/call' }] as const;
    await using upstream = await startUpstream({ kind: 'legacy-stdio', faults });
    await using server = startChild(upstream);
    server.send(INITIALIZE);
    await server.until('serverInfo');
    server.send(echo(1));
    await waitUntil(() => server.isStdoutClosed, { describe: 'stdout ended' });
    expect(isAlive(server.pid)).toBe(true);
    expect(server.stdout.trim().split('\n')).toHaveLength(1);
  });

  test('crash at start ends before anything is read, `times` counts over processes', async () => {
    const faults = [{ kind: 'crash', at: 'start', exitCode: 7, times: 2 }] as const;
    await using upstream = await startUpstream({ kind: 'legacy-stdio', faults });
    for (let start = 0; start < 2; start += 1) {
      await using server = startChild(upstream);
      expect(await server.exit).toBe(7);
      expect(server.stderr).toContain('crashing on purpose (start)');
    }
    await using server = startChild(upstream);
    server.send(INITIALIZE);
    await server.until('serverInfo');
    expect(upstream.counts.connections).toBe(3);
  });

  test('crash at the handshake ends with a signal', async () => {
    const faults = [{ kind: 'crash', at: 'handshake', signal: 'SIGKILL' }] as const;
    await using upstream = await startUpstream({ kind: 'modern-stdio', faults });
    await using server = startChild(upstream);
    server.send({ id: 1, method: 'server/discover', params: {} });
    expect(await server.exit).toBe('SIGKILL');
    expect(server.stdout).toBe('');
  });

  test('crash during a call ends before the answer', async () => {
    const faults = [{ kind: 'crash', at: 'call', after: 1 }] as const;
    await using upstream = await startUpstream({ kind: 'legacy-stdio', faults });
    await using server = startChild(upstream);
    server.send(INITIALIZE);
    server.send(echo(1));
    await server.until('hello');
    server.send(echo(2));
    expect(await server.exit).toBe(1);
  });

  test('never-handshake can ignore SIGTERM and the end of stdin', async () => {
    const faults = [
      { kind: 'never-handshake', ignoreSigterm: true, ignoreStdinClose: true },
    ] as const;
    await using upstream = await startUpstream({ kind: 'legacy-stdio', faults });
    await using server = startChild(upstream);
    server.send(INITIALIZE);
    await waitUntil(() => upstream.counts.byMethod['initialize'] === 1, {
      describe: 'initialize was read',
      timeoutMs: 10_000,
    });
    server.child.kill('SIGTERM');
    // Without the option the process would be dead before it could read this.
    server.send({ id: 1, method: 'server/discover' });
    await waitUntil(() => upstream.counts.requests === 2, { describe: 'it reads on' });
    server.child.stdin?.end();
    await waitUntil(() => server.stderr.includes('staying without stdin'), {
      describe: 'it stayed',
    });
    expect(countChildren(process.pid)).toBeGreaterThan(0);
    expect(isAlive(server.pid)).toBe(true);
    expect(server.stdout).toBe('');
    await upstream.restart();
    expect(await server.exit).toBe('SIGKILL');
  });

  test('never-handshake without options leaves when stdin ends', async () => {
    const faults = [{ kind: 'never-handshake' }] as const;
    await using upstream = await startUpstream({ kind: 'modern-stdio', faults });
    await using server = startChild(upstream);
    server.send({ id: 1, method: 'server/discover', params: {} });
    await waitUntil(() => upstream.counts.requests === 1, {
      describe: 'discover was read',
      timeoutMs: 10_000,
    });
    server.child.stdin?.end();
    expect(await server.exit).toBe(0);
    expect(server.stdout).toBe('');
  });

  test('grandchildren outlive their parent and are ended by close()', async () => {
    const upstream = await startUpstream({ kind: 'legacy-stdio', grandchildren: 2 });
    await using server = startChild(upstream);
    server.send(INITIALIZE);
    await server.until('serverInfo');
    expect(countChildren(server.pid)).toBe(2);
    expect(upstream.counts.connections).toBe(1);
    server.child.kill('SIGKILL');
    await server.exit;
    const orphans = upstream.processes();
    expect(orphans).toHaveLength(2);
    await upstream.close();
    expect(orphans.filter((pid) => isAlive(pid))).toEqual([]);
    await upstream.close();
    expect(upstream.counts.connections).toBe(1);
  });
});
