import { once } from 'node:events';
import { createServer } from 'node:net';
import { portOf } from './http/port-of.ts';
import { createSocketSet } from './socket-set.ts';

/** A TCP server that accepts, reads and never says a word. */
export interface GreedyTcp extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>/mcp`. */
  readonly url: string;
  /** Connections accepted so far, open now, and bytes read. */
  readonly counts: { readonly accepted: number; readonly open: number; readonly bytes: number };
  /** Drops every connection and stops listening. May be called twice. */
  close(): Promise<void>;
}

/** Starts a server that accepts and never answers, not even to close. */
export async function startGreedyTcp(): Promise<GreedyTcp> {
  const sockets = createSocketSet();
  let accepted = 0;
  let bytes = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.on('error', () => {
      // The peer reset the connection; `close` follows.
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);

  async function close(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    await Promise.all([closed, sockets.destroyAll()]);
  }

  return {
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    get counts() {
      return { accepted, open: sockets.size, bytes };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
