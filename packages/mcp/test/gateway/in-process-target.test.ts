import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { BridgeEnd, BridgeRequest } from '../../src/gateway/bridge/bridge-exchange.ts';
import { createInProcessTarget } from '../../src/gateway/reply/in-process-target.ts';

type Handle = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface Asked {
  readonly end: Promise<BridgeEnd>;
  readonly messages: string[];
  readonly begun: unknown[];
  readonly abort: AbortController;
  readonly close: () => void;
}

/** Asks an endpoint of this process. */
function ask(handle: Handle, more: Partial<BridgeRequest> = {}): Asked {
  const target = createInProcessTarget((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => handle(request, response, body));
  });
  const messages: string[] = [];
  const begun: unknown[] = [];
  const abort = new AbortController();
  const end = target.exchange({
    method: 'POST',
    headers: { accept: 'application/json' },
    body: '{"é":1}',
    signal: abort.signal,
    message: (text) => messages.push(text),
    begun: (headers) => begun.push(headers),
    ...more,
  });
  return { end, messages, begun, abort, close: () => target.close() };
}

test('createInProcessTarget() hands over the request and its answer, whichever way headers are given', async () => {
  const heads = [
    { 'Content-Type': 'application/json' },
    ['Content-Type', 'application/json'],
  ] as const;
  for (const head of heads) {
    const asked = ask(({ method, headers, complete }, response, body) => {
      expect({ method, headers, complete, body }).toEqual({
        method: 'POST',
        headers: { accept: 'application/json' },
        complete: true,
        body: '{"é":1}',
      });
      response.writeHead(200, head as Record<string, string>);
      response.write('{"a":');
      response.end(Buffer.from('"ü"}').toString('latin1'), 'latin1');
    });
    expect(await asked.end).toEqual({ kind: 'done' });
    expect(asked.messages).toEqual(['{"a":"ü"}']);
    expect(asked.begun).toEqual([{ 'content-type': 'application/json' }]);
  }
});

test('createInProcessTarget() reads events as they are written, and refusals as text', async () => {
  const events = ask((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    response.write('event: message\ndata: {"a":1}\n\n');
    expect(events.messages).toEqual(['{"a":1}']);
    response.end('data: {"b":1}\n\n');
  });
  expect(await events.end).toEqual({ kind: 'done' });
  expect(events.messages).toEqual(['{"a":1}', '{"b":1}']);
  const refused = ask((_request, response) => response.writeHead(404).end('no'));
  expect(await refused.end).toEqual({ kind: 'refused', status: 404, text: 'no' });
  const empty = ask((_request, response) => response.writeHead(202).end(), { body: undefined });
  expect([await empty.end, empty.messages]).toEqual([{ kind: 'done' }, []]);
});

test('an exchange in process ends with its client, with its endpoint and with an answer that is cut', async () => {
  const { promise: gone, resolve } = Promise.withResolvers<boolean>();
  const aborted = ask((_request, response) => {
    response.on('close', () => resolve(response.writableFinished));
    aborted.abort.abort();
  });
  expect(await aborted.end).toEqual({ kind: 'aborted' });
  expect(await gone).toBe(false);
  const cut = ask((_request, response) => response.writeHead(200).destroy());
  expect(await cut.end).toMatchObject({ kind: 'cut' });
  const closed = ask(() => closed.close());
  expect(await closed.end).toMatchObject({ kind: 'cut' });
  const signal = AbortSignal.abort();
  expect(await ask(() => undefined, { signal }).end).toEqual({ kind: 'aborted' });
  const target = createInProcessTarget(() => undefined);
  target.close();
  const late = { method: 'GET', headers: {}, message: () => undefined } as const;
  const { signal: never } = new AbortController();
  expect(await target.exchange({ ...late, signal: never })).toMatchObject({ kind: 'unreachable' });
});
