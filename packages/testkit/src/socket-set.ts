import type { Socket } from 'node:net';

/** The open connections of a server. */
export interface SocketSet {
  readonly size: number;
  /** Keeps the socket until it is closed. */
  add(socket: Socket): void;
  /** Sends a reset on every connection, now. */
  resetAll(): void;
  /** Destroys every connection; resolves when all are closed. */
  destroyAll(): Promise<void>;
}

// Not `once`, which rejects when an error comes first.
async function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

export function createSocketSet(): SocketSet {
  const sockets = new Set<Socket>();
  return {
    get size() {
      return sockets.size;
    },
    add(socket) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
    resetAll() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async destroyAll() {
      const all = Array.from(sockets, closed);
      for (const socket of sockets) socket.destroy();
      await Promise.all(all);
    },
  };
}
