import { leastMs, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { asking, caller, forward } from './asking-server.ts';
import { definitionFor, json, open, startWire, type Answer } from './http-fixture.ts';

const result: Answer = (seen, response) =>
  json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });

test('the first call of a client that can be asked waits for the stream, no other does', async () => {
  const order: string[] = [];
  await using wire = await startWire(
    asking(
      (seen, response) => {
        order.push(`call ${String(seen.message['id'])}`);
        return result(seen, response);
      },
      (_seen, response) => {
        // Later than a call that leaves with it would come, sooner than a call stops waiting.
        setTimeout(() => {
          order.push('stream');
          response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        }, 40);
      },
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const plain = forward(opened, caller('b', { extensions: {} }));
  await plain.outcome;
  expect(wire.methods()).not.toContain('GET');
  const first = forward(opened, caller('a', { roots: {} }));
  await first.outcome;
  expect(order).toEqual(['call 1', 'stream', 'call 2']);
});

test('a stream whose server sends no headers holds a call up for 100 ms, once', async () => {
  await using wire = await startWire(asking(result, () => undefined));
  await using opened = open(definitionFor(wire.url));
  // The handshake is not what is measured.
  await forward(opened, caller('a', {})).outcome;
  const startedAtMs = performance.now();
  await forward(opened, caller('a')).outcome;
  const firstMs = performance.now() - startedAtMs;
  const nextMs = async (): Promise<number> => {
    const beforeMs = performance.now();
    await forward(opened, caller('a')).outcome;
    return performance.now() - beforeMs;
  };
  expect(firstMs).toBeGreaterThan(90);
  expect(firstMs).toBeLessThan(2_000);
  expect(await leastMs(nextMs, { belowMs: 90 })).toBeLessThan(90);
});

test('the only client of a connection has the stream opened, and waits only if it can be asked', async () => {
  await using wire = await startWire(asking(result, () => undefined));
  const client = { clientInfo: undefined, capabilities: {}, sole: true };
  await using opened = open(definitionFor(wire.url), { client });
  const sink = forward(opened, caller('a', {}));
  expect(await sink.outcome).toMatchObject({ kind: 'result' });
  await waitUntil(() => wire.methods().includes('GET'), { describe: 'the stream is asked for' });
  const order = wire.methods().filter((method) => method === 'GET' || method === 'tools/call');
  // Both leave at once, on sockets of their own.
  expect(order.toSorted()).toEqual(['GET', 'tools/call']);
});
