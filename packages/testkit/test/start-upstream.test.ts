import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  cpuMs,
  startFleet,
  startUpstream,
  waitUntil,
  type Fleet,
  type HttpKind,
} from '../src/index.ts';
import { openSession } from './http/open-session.ts';
import { rawRequest } from './raw-request.ts';

const KINDS: readonly HttpKind[] = [
  'modern-http',
  'dual-http',
  'legacy-http-session',
  'legacy-http-stateless',
];

function listeningServers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
}

function openHandles(): number {
  const names = process.getActiveResourcesInfo();
  return names.filter((name) => /TCP|Timeout|FSEvent/u.test(name)).length;
}

describe('startFleet()', () => {
  test('starts a hundred servers with less than 1.5 s of work and closes them all', async () => {
    const options = Array.from({ length: 100 }, (_, index) => ({
      kind: KINDS[index % KINDS.length] ?? 'modern-http',
      name: `server-${index}`,
      toolCount: 20,
    }));
    const started: Fleet<typeof options>[] = [];
    const workMs = await cpuMs(async () => started.push(await startFleet(options)));
    expect(workMs).toBeLessThan(1500);
    const [fleet] = started;
    if (fleet === undefined) throw new Error('unreachable');
    expect(new Set(fleet.map((upstream) => upstream.url)).size).toBe(100);
    expect(fleet[99]?.name).toBe('server-99');
    await fleet[Symbol.asyncDispose]();
    const { port } = new URL(fleet[0]?.url ?? '');
    const refused = await new Promise((resolve) => {
      connect(Number(port), '127.0.0.1').on('error', resolve);
    });
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('closes what it started when one of them fails', async () => {
    const before = listeningServers();
    const broken = { kind: 'modern-http', toolCount: -1, faults: null } as const;
    // @ts-expect-error -- no faults is not null
    await expect(startFleet([{ kind: 'modern-http' }, broken])).rejects.toThrow(TypeError);
    await waitUntil(() => listeningServers() === before, { describe: 'the healthy one is closed' });
  });

  test('keeps the kinds of its options', async () => {
    await using fleet = await startFleet([{ kind: 'modern-http' }, { kind: 'legacy-stdio' }]);
    expect(fleet[0].url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/u);
    expect(fleet[1].command.command).toBe(process.execPath);
  });

  test('close() may be called twice and leaves no handle', async () => {
    const before = openHandles();
    const upstream = await startUpstream({ kind: 'legacy-http-session' });
    const headers = await openSession(upstream.url);
    const stream = rawRequest(upstream.url, { httpMethod: 'GET', headers });
    await waitUntil(() => upstream.open.connections === 1, { describe: 'the stream is open' });
    await upstream.close();
    await upstream.close();
    expect((await stream).error).toBe('ECONNRESET');
    expect(upstream.open).toEqual({ connections: 0, sessions: 0 });
    await waitUntil(() => openHandles() <= before, { describe: 'no handle is left' });
  });
});
