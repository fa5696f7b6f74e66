import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { createAnswers } from './generated-answers.ts';
import type { GeneratedSpec } from './generated-spec.ts';
import { parseJson, type Json } from './raw-peer.ts';

/** A generated server on 127.0.0.1, written without any SDK. */
export interface GeneratedHttpServer extends AsyncDisposable {
  readonly url: string;
  /** The requests for items it was asked since this was last called. */
  takeAsked(): readonly Json[];
}

export async function startGeneratedHttp(
  spec: GeneratedSpec,
  era: 'modern' | 'legacy',
): Promise<GeneratedHttpServer> {
  let asked: Json[] = [];
  const answers = createAnswers(spec, era === 'modern', (method, params) => {
    asked.push({ method, params });
  });

  function send(response: ServerResponse, request: Json): void {
    const { messages, streams } = answers(request);
    if (!streams) {
      const isUnknown = messages[0]?.includes('"code":-32601') === true && era === 'modern';
      response.writeHead(isUnknown ? 404 : 200, { 'content-type': 'application/json' });
      response.end(messages[0]);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(messages.map((message) => `event: message\ndata: ${message}\n\n`).join(''));
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const request = parseJson(await readText(incoming));
    const isModern = incoming.headers['mcp-protocol-version'] === '2026-07-28';
    if (isModern && era === 'legacy') {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(
        `{"jsonrpc":"2.0","id":${JSON.stringify(request['id'])},"error":{"code":-32000,"message":"Bad Request: Unsupported protocol version"}}`,
      );
    } else if ('id' in request) send(response, request);
    else response.writeHead(202).end();
  }
  const server = createServer((incoming, response) => void handle(incoming, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    takeAsked() {
      const taken = asked;
      asked = [];
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
