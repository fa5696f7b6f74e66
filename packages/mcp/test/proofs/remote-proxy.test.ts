import { startFleet, startUpstream, waitUntil } from '@cortex-os/testkit';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createService } from '../../src/service/service.ts';
import { connectClient } from '../e2e/clients.ts';
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { sendModern, type RawAnswer } from '../gateway/raw-client.ts';

const call = async (gateway: TestGateway, name: string, args: object): Promise<RawAnswer> =>
  await sendModern(gateway.url(), 'tools/call', { name, arguments: args });

const inFlight = (gateway: TestGateway): number =>
  (gateway.service.status()['clients'] as { callsInFlight: number }).callsInFlight;

test.each(['modern-http', 'legacy-http-session', 'legacy-stdio'] as const)(
  'B7.14 errors of one user’s calls leave a %s connector, its connection and the calls of others alone',
  async (kind) => {
    await using upstream = await startUpstream({ kind, ttlMs: 3_600_000 });
    await using gateway = await startGateway([connectorFor(upstream, 'c')]);
    const { manager } = gateway.service;
    await manager.sync();
    await gateway.service.settled();
    const handshakes = (): readonly unknown[] => {
      const { byMethod, sessions } = upstream.counts;
      return [byMethod['initialize'], byMethod['server/discover'], sessions];
    };
    const before = handshakes();
    const slow = call(gateway, 'c__slow', { ms: 500, steps: 1 });
    await waitUntil(() => inFlight(gateway) === 1, { describe: 'the slow call is on its way' });
    const bad = await Promise.all(
      Array.from({ length: 20 }, async () => await call(gateway, 'c__echo', { message: 7 })),
    );
    for (const answer of bad) {
      expect(answer.text).toMatch(/"error":|"isError":true/);
    }
    expect((await slow).json()).toMatchObject({ result: { content: [{ type: 'text' }] } });
    const good = await call(gateway, 'c__echo', { message: 'still here' });
    expect(good.text).toContain('still here');
    expect(manager.listConnectors()).toMatchObject([{ state: 'fresh', failure: undefined }]);
    expect(handshakes()).toEqual(before);
  },
);

test('B7.17 neither arguments nor results of a call are logged at info, whatever becomes of it', async () => {
  await using fleet = await startFleet([{ kind: 'modern-http' }, { kind: 'legacy-stdio' }]);
  const [web, child] = fleet;
  const lines: string[] = [];
  const service = createService({
    connectors: [connectorFor(web, 'web'), connectorFor(child, 'child')],
    settings: DEFAULT_SETTINGS,
    logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    baseEnv: process.env,
    version: '0.0.0-test',
  });
  const { url } = await service.start();
  try {
    await service.manager.sync();
    await service.settled();
    const secret = 'tell-nobody-4711';
    for (const id of ['web', 'child']) {
      const name = `${id}__echo`;
      const fine = await sendModern(url, 'tools/call', { name, arguments: { message: secret } });
      expect(fine.text).toContain(secret);
      await sendModern(url, 'tools/call', { name, arguments: { message: { secret } } });
    }
    await web.close();
    child.setFaults([{ kind: 'crash', at: 'call' }]);
    for (const id of ['web', 'child']) {
      const message = { name: `${id}__echo`, arguments: { message: secret } };
      const failed = await sendModern(url, 'tools/call', message);
      expect(failed.json()).toHaveProperty('error');
    }
    // The failures are logged, so what is looked at is not empty.
    expect(lines.join('')).toContain('a call failed');
    expect(lines.join('')).not.toContain(secret);
  } finally {
    await service.close();
  }
});

test.each(['v1', 'v2 legacy', 'v2 pinned'] as const)(
  'B7.18 a %s client gets results as the server gives them: isError, structured content, images; error codes are those of JSON-RPC',
  async (mode) => {
    const kind = mode === 'v2 pinned' ? 'modern-http' : 'legacy-http-session';
    await using upstream = await startUpstream({ kind });
    await using gateway = await startGateway([connectorFor(upstream, 'c')]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    await using through = await connectClient(gateway.url(), mode);
    await using direct = await connectClient(upstream.url, mode);
    for (const tool of ['add', 'image', 'fail']) {
      const args = { a: 1, b: 2 };
      expect(await through.call(`c__${tool}`, args)).toEqual(await direct.call(tool, args));
    }
    expect(await through.call('c__add', { a: 1, b: 2 })).toHaveProperty('structuredContent');
    expect(await through.call('c__fail')).toMatchObject({ isError: true });
    await expect(through.call('c__nothing')).rejects.toMatchObject({ code: -32_602 });
  },
);
