import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createListener, listenOn } from '../../src/http/listener.ts';
import { LISTENER_ERRORS } from '../../src/protocol/errors/command-errors.ts';

async function place(): Promise<string> {
  const listener = createListener({
    routes: new Map([['/x', { auth: 'open', handle: (_request, response) => response.end() }]]),
    onError: () => undefined,
  });
  onTestFinished(async () => await listener.close(0));
  const { origin } = await listenOn(listener, { port: 0, host: '127.0.0.1' });
  return origin ?? '';
}

interface Told {
  readonly status: number | undefined;
  readonly type: IncomingHttpHeaders['content-type'];
  readonly body: string;
}

async function ask(url: string, headers: Record<string, string> | string[] = {}): Promise<Told> {
  const outgoing = request(url, { headers }).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const { statusCode: status, headers: told } = incoming;
  return { status, type: told['content-type'], body: await text(incoming) };
}

const REFUSED = [
  ['/x', { host: 'evil.test' }, [403, 'HOST_NOT_ALLOWED', 'Host is not allowed']],
  ['/x', { origin: 'https://evil.test' }, [403, 'ORIGIN_NOT_ALLOWED', 'Origin is not allowed']],
  ['/none', {}, [404, 'ROUTE_UNKNOWN', 'Not found']],
  ['/none', { accept: '*/*' }, [404, 'ROUTE_UNKNOWN', 'Not found']],
  ['/none', { accept: 'application/json, text/plain' }, [404, 'ROUTE_UNKNOWN', 'Not found']],
] as const;

test.each(REFUSED)(
  'createDispatch() refuses %s with %j by code and message in JSON (S1)',
  async (path, headers, [status, code, message]) => {
    const told = await ask(`${await place()}${path}`, { ...headers });
    expect([told.status, told.type]).toEqual([status, 'application/json']);
    expect(JSON.parse(told.body)).toEqual({ code, message });
    expect(Object.keys(LISTENER_ERRORS)).toContain(code);
  },
);

test('createDispatch() refuses two Host headers by code and message (S1)', async () => {
  const origin = await place();
  const { host } = new URL(origin);
  const told = await ask(`${origin}/x`, ['Host', host, 'Host', 'evil.test']);
  expect([told.status, told.type]).toEqual([400, 'application/json']);
  expect(JSON.parse(told.body)).toMatchObject({ code: 'HOST_NOT_ALLOWED' });
});

test.each(['text/html,application/xhtml+xml,*/*;q=0.8', 'text/plain', 'text/event-stream'])(
  'createDispatch() answers in plain text who accepts %s',
  async (accept) => {
    const told = await ask(`${await place()}/none`, { accept });
    expect([told.status, told.type]).toEqual([404, 'text/plain; charset=utf-8']);
    expect(told.body).toBe('Not found (ROUTE_UNKNOWN)\n');
  },
);
