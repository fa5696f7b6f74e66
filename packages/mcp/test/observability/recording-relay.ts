import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request on its way to a server. */
export interface RelayedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RecordingRelay extends AsyncDisposable {
  readonly url: string;
  readonly requests: RelayedRequest[];
  /** The `tools/call` requests. */
  calls(): { readonly headers: IncomingHttpHeaders; readonly meta: Record<string, unknown> }[];
}

/** Passes everything on to a server over HTTP, and remembers what it was sent. */
export async function startRelay(target: string): Promise<RecordingRelay> {
  const requests: RelayedRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      requests.push({ headers: incoming.headers, body: body.toString('utf8') });
      const { method = 'GET', headers } = incoming;
      const { host: _host, ...rest } = headers;
      const outgoing = httpRequest(target, { method, headers: rest }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      outgoing.on('error', () => response.destroy());
      response.on('close', () => outgoing.destroy());
      outgoing.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    calls: () =>
      requests.flatMap(({ headers, body }) => {
        const message = (body === '' ? {} : JSON.parse(body)) as {
          method?: string;
          params?: Record<string, Record<string, unknown>>;
        };
        const { method, params } = message;
        return method === 'tools/call' ? [{ headers, meta: params?.['_meta'] ?? {} }] : [];
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
