import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What came back for bytes that a well-behaved client would not send. */
export interface BytesAnswer {
  /** The status of each response, in order; empty when there was none. */
  readonly statuses: readonly number[];
  readonly text: string;
}

/** Sends bytes as they are, and reads until the other side closes or says nothing for a while. */
export async function sendBytes(
  port: number,
  bytes: string | Uint8Array,
  quietMs: number = 300,
): Promise<BytesAnswer> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined); // a reset is an answer too
  await once(socket, 'connect');
  socket.setTimeout(quietMs, () => socket.destroy());
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.write(bytes);
  // Not `once`, for which a reset is a failure.
  await new Promise((resolve) => socket.on('close', resolve));
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
  return { statuses, text };
}

/** The bytes of a request; nothing is added and nothing corrected. */
export function requestBytes(
  line: string,
  headers: readonly (readonly [string, string])[],
  body = '',
): Buffer {
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${line}\r\n${head}\r\n`, 'latin1'), Buffer.from(body)]);
}

/** Opens connections that begin a request and never end it. */
export async function openSlow(port: number, count: number, head: string): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  await Promise.all(
    sockets.map(async (socket) => {
      socket.on('error', () => undefined); // the other side may hang up as it likes
      await once(socket, 'connect');
      socket.write(head);
    }),
  );
  return sockets;
}
