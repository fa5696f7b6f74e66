import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a listener on their way out. Costs nothing per request until `begin`. */
export interface ConnectionDrain {
  /** From now on every answer that has not begun ends its connection: `Connection: close`. Idempotent. */
  begin(): void;
  /** Takes no new connections; those that are there go on. Idempotent. */
  stopAccepting(): void;
  /** Open connections. */
  readonly open: number;
  /** Connections with a request that has not been answered to its end, event streams included. */
  readonly busy: number;
  /** Nobody is connected, and nobody has been for `forMs`. */
  quietFor(forMs: number): boolean;
  /** Cuts every connection that is `busy` now. */
  cutBusy(): void;
  /** Ends what is idle, gives the others `graceMs`, then cuts them. Stops accepting. */
  end(graceMs: number): Promise<void>;
}

/** The answer a socket is busy with; Node keeps it there, and says so nowhere else. */
function answerOf(socket: Socket): ServerResponse | undefined {
  const answer: unknown = Reflect.get(socket, '_httpMessage');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a server's socket holds is a response
  return typeof answer === 'object' && answer !== null ? (answer as ServerResponse) : undefined;
}

/** Answered, this connection is used for nothing else. */
function closeAfter(answer: ServerResponse): void {
  if (!answer.headersSent) answer.shouldKeepAlive = false;
}

function markAnswer(_request: IncomingMessage, response: ServerResponse): void {
  closeAfter(response);
}

/** Node's own `close` of HTTP servers ends idle connections at once, on which a request may be on its way. */
const { Server: PlainServer } = process.getBuiltinModule('node:net');

class ServerDrain implements ConnectionDrain {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #lastSeenAtMs = -Infinity;
  #begun = false;
  #accepting = true;
  readonly #ended = Promise.withResolvers<void>();

  constructor(server: Server) {
    this.#server = server;
    const gone = (socket: Socket): void => {
      this.#sockets.delete(socket);
      this.#lastSeenAtMs = performance.now();
    };
    // One function for all sockets, of which thousands may only wait.
    function closed(this: Socket): void {
      gone(this);
    }
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', closed);
    });
  }

  get open(): number {
    return this.#sockets.size;
  }

  get busy(): number {
    let busy = 0;
    for (const socket of this.#sockets) if (answerOf(socket) !== undefined) busy += 1;
    return busy;
  }

  quietFor(forMs: number): boolean {
    return this.#sockets.size === 0 && performance.now() - this.#lastSeenAtMs >= forMs;
  }

  cutBusy(): void {
    for (const socket of this.#sockets) if (answerOf(socket) !== undefined) socket.destroy();
  }

  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    for (const socket of this.#sockets) {
      const answer = answerOf(socket);
      if (answer !== undefined) closeAfter(answer);
    }
    this.#server.prependListener('request', markAnswer);
  }

  stopAccepting(): void {
    if (!this.#accepting) return;
    this.#accepting = false;
    if (this.#server.listening) {
      PlainServer.prototype.close.call(this.#server, () => this.#ended.resolve());
    } else {
      this.#ended.resolve();
    }
  }

  async end(graceMs: number): Promise<void> {
    this.begin();
    this.stopAccepting();
    // Ends idle connections, and Node's own timer for slow ones.
    this.#server.close();
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await this.#ended.promise;
    clearTimeout(timer);
  }
}

/** Watches the connections of a server from before it listens. */
export function createConnectionDrain(server: Server): ConnectionDrain {
  return new ServerDrain(server);
}
