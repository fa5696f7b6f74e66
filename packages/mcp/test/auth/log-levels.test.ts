import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startConformanceServer, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connector } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';
import { bearer, names, startGuarded } from './guarded-gateway.ts';

/** A server with log messages, and how often it was told a level. */
async function startLogging(): Promise<AsyncDisposable & { readonly url: string; told: number }> {
  const server = await startConformanceServer({ eras: 'legacy' });
  const proxy = createServer((incoming, outgoing) => {
    const { host: _host, ...headers } = incoming.headers;
    const onward = request(server.url, { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.on('data', (chunk: Buffer) => {
      if (chunk.includes('logging/setLevel')) started.told += 1;
    });
    incoming.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const started = {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/mcp`,
    told: 0,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      proxy.close();
      await server.close();
    },
  };
  return started;
}

test('S4: a log level reaches no server that the key cannot see', async () => {
  await using hidden = await startLogging();
  await using shown = await startLogging();
  const connectors = [
    connector('hidden', { kind: 'http', url: hidden.url, headers: {} }),
    connector('shown', { kind: 'http', url: shown.url, headers: {} }),
  ];
  const { gateway, keys } = await startGuarded(connectors, {
    keys: [{ connectors: { deny: ['hidden'] } }, {}],
  });
  await using _ = gateway;
  await names(gateway.url(), keys[1]);
  const setLevel = async (key: string | undefined, level: string): Promise<void> => {
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'x', version: '0' },
    };
    const open = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
    const opened = await send(gateway.url(), { headers: bearer(key), body: JSON.stringify(open) });
    const session = String(opened.headers['mcp-session-id']);
    const set = { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level } };
    const headers = { ...bearer(key), 'mcp-session-id': session };
    const answer = await send(gateway.url(), { headers, body: JSON.stringify(set) });
    expect(answer.text).toContain('"result":{}');
  };
  const told = () => [hidden.told, shown.told];
  await setLevel(keys[0], 'info');
  await waitUntil(() => told()[1] === 1, { describe: 'the server that is seen was told' });
  expect(told()).toEqual([0, 1]);
  await setLevel(keys[1], 'debug');
  await waitUntil(() => told()[0] === 1, { describe: 'somebody who sees both reaches both' });
});
