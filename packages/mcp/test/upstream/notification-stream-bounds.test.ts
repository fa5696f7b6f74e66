import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { definitionFor, open, sse, startWire, type Wire } from './http-fixture.ts';
import { QUICK, legacyServer, listTools } from './notification-stream-fixture.ts';

function gets(wire: Wire): number {
  return wire.methods().filter((method) => method === 'GET').length;
}

function count(kind: string): number {
  return process.getActiveResourcesInfo().filter((name) => name === kind).length;
}

test('fifty reconnects leave one stream, and close() leaves no socket and no timer', async () => {
  let live = 0;
  let most = 0;
  await using wire = await startWire(
    legacyServer((_seen, response) => {
      live += 1;
      most = Math.max(most, live);
      response.on('close', () => {
        live -= 1;
      });
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      if (gets(wire) <= 50) response.end(': bye\nretry: 1\n\n');
    }),
  );
  let accepted = 0;
  wire.server.on('connection', () => {
    accepted += 1;
  });
  const before = { sockets: count('TCPSocketWrap'), timers: count('Timeout') };
  {
    await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
    await listTools(opened);
    await waitUntil(() => gets(wire) === 51 && opened.upstream.isListening, {
      describe: 'the last stream',
    });
    expect(most).toBe(1);
    // One socket for requests and one for streams, used again and again.
    expect(accepted).toBeLessThanOrEqual(3);
    // Two changes supposed for each reconnect.
    expect(opened.notifications).toHaveLength(100);
  }
  await waitUntil(() => live === 0, { describe: 'the last stream is closed' });
  await expect.poll(() => count('TCPSocketWrap')).toBe(before.sockets);
  expect(count('Timeout')).toBeLessThanOrEqual(before.timers);
});

test('an event over 1 MiB ends the stream, which is opened again (S13)', async () => {
  const sizes = [1_000_000, 1_100_000];
  await using wire = await startWire(
    legacyServer((_seen, response) => {
      const size = sizes.shift();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      if (size === undefined) return;
      const params = { padding: 'x'.repeat(size) };
      sse(response, { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params });
      if (size === 1_000_000) response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await waitUntil(() => gets(wire) === 3 && opened.upstream.isListening, {
    describe: 'the third stream',
  });
  // The first was read, the second was not; two reconnects suppose two changes each.
  expect(opened.notifications.map(({ text }) => text.length > 1_000)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});
