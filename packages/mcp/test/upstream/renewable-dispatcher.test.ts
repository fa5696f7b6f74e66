import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { waitUntil } from '@cortex-os/testkit';
import type { Dispatcher } from 'undici';
import { expect, test } from 'vitest';
import { createRenewableAgents } from '../../src/upstream/streamable-http/renewable-dispatcher.ts';

interface Rig extends AsyncDisposable {
  readonly origin: string;
  readonly server: Server;
  /** Sockets opened so far, and open now. */
  opened(): number;
  open(): number;
}

async function startRig(): Promise<Rig> {
  let opened = 0;
  let open = 0;
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  server.on('connection', (socket: Socket) => {
    opened += 1;
    open += 1;
    socket.once('close', () => (open -= 1));
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    server,
    opened: () => opened,
    open: () => open,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function get(dispatcher: Dispatcher, origin: string): Promise<string> {
  const { body } = await dispatcher.request({ origin, path: '/', method: 'GET' });
  return await body.text();
}

test('renew() closes the sockets of requests, and the next request opens new ones', async () => {
  await using rig = await startRig();
  const agents = createRenewableAgents();
  agents.renew();
  for (let turn = 1; turn <= 2; turn += 1) {
    await get(agents.requests, rig.origin);
    expect(rig.opened()).toBe(turn);
    agents.renew();
    await waitUntil(() => rig.open() === 0, { describe: 'the socket is closed' });
  }
  await get(agents.streams, rig.origin);
  agents.renew();
  expect(rig.open()).toBe(1);
  await agents.close();
  await waitUntil(() => rig.open() === 0, { describe: 'the stream is closed' });
});

test.each([false, true])(
  'close() lets no later request through, renewed before: %s',
  async (renewed) => {
    await using rig = await startRig();
    const agents = createRenewableAgents();
    if (renewed) agents.renew();
    await agents.close();
    agents.renew();
    await expect(get(agents.requests, rig.origin)).rejects.toThrow(/closed|destroyed/i);
    expect(rig.opened()).toBe(0);
  },
);
