import type { ServerResponse } from 'node:http';
import { errorText, type JsonRpcId } from '../../protocol/message.ts';

/** Answers with a JSON-RPC error; cuts the connection when an answer has begun. `error`: its object as JSON. */
export function sendError(
  response: ServerResponse,
  status: number,
  id: JsonRpcId | null,
  error: string,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = errorText(JSON.stringify(id), error);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  // What was not read of the body would be taken for the next request.
  const close = status === 413 ? { connection: 'close' } : {};
  response.writeHead(status, { ...headers, ...close }).end(body);
}
