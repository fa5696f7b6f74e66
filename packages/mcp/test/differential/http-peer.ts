import {
  asJson,
  CLIENT_INFO,
  EVERY_CAPABILITY,
  LEGACY,
  META,
  MODERN,
  parseJson,
  requestText,
  toExchange,
  type Exchange,
  type Json,
  type RawPeer,
  type RawRequest,
} from './raw-peer.ts';

const ACCEPT = 'application/json, text/event-stream';

/** Header values that are not plain ASCII travel in Base64 (spec 2026-07-28, basic/transports). */
export function headerValue(value: string): string {
  const isPlain = /^[\x21-\x7E](?:[\x20-\x7E]*[\x21-\x7E])?$/u.test(value);
  if (isPlain && !/^=\?base64\?.*\?=$/u.test(value)) return value;
  return `=?base64?${Buffer.from(value).toString('base64')}?=`;
}

function sseMessages(text: string): Json[] {
  return text
    .split(/\r?\n\r?\n/u)
    .map((event) =>
      event
        .split(/\r?\n/u)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length).trimStart())
        .join('\n'),
    )
    .filter((data) => data !== '')
    .map((data) => parseJson(data));
}

interface Posted {
  readonly status: number;
  readonly headers: Headers;
  readonly messages: readonly Json[];
}

async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Posted> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: ACCEPT, ...headers },
    body,
  });
  const text = await response.text();
  const isSse = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const { status } = response;
  if (isSse) return { status, headers: response.headers, messages: sseMessages(text) };
  const messages = text === '' ? [] : [parseJson(text)];
  return { status, headers: response.headers, messages };
}

/** Speaks revision 2026-07-28: no handshake, `_meta` and headers with every request. */
export async function connectModern(url: string): Promise<RawPeer> {
  let lastId = 0;
  async function ask(request: RawRequest): Promise<Exchange> {
    lastId += 1;
    const id = lastId;
    const own = [
      `${JSON.stringify(META.version)}:${JSON.stringify(MODERN)}`,
      `${JSON.stringify(META.capabilities)}:{}`,
      `${JSON.stringify(META.clientInfo)}:${JSON.stringify(CLIENT_INFO)}`,
    ];
    const meta = [...own, request.meta ?? ''].filter((part) => part !== '').join(',');
    const { status, messages } = await post(url, requestText(id, request, meta), {
      'mcp-protocol-version': MODERN,
      'mcp-method': request.method,
      ...(request.name === undefined ? {} : { 'mcp-name': headerValue(request.name) }),
      ...request.headers,
    });
    return toExchange(id, status, messages);
  }
  const { result } = await ask({ method: 'server/discover' });
  return { hello: asJson(result), ask, [Symbol.asyncDispose]: async () => undefined };
}

/** Speaks revision 2025-11-25: a handshake, and a session when the server gives one. */
export async function connectLegacy(url: string): Promise<RawPeer> {
  const initialize = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: LEGACY, capabilities: EVERY_CAPABILITY, clientInfo: CLIENT_INFO },
  };
  const opened = await post(url, JSON.stringify(initialize), {});
  const session = opened.headers.get('mcp-session-id');
  const headers = {
    'mcp-protocol-version': LEGACY,
    ...(session === null ? {} : { 'mcp-session-id': session }),
  };
  await post(url, '{"jsonrpc":"2.0","method":"notifications/initialized"}', headers);
  let lastId = 0;
  return {
    hello: asJson(opened.messages[0]?.['result']),
    async ask(request) {
      lastId += 1;
      const id = lastId;
      const body = requestText(id, request, request.meta ?? '');
      const { status, messages } = await post(url, body, { ...headers, ...request.headers });
      return toExchange(id, status, messages);
    },
    [Symbol.asyncDispose]: async () => {
      if (session !== null) await fetch(url, { method: 'DELETE', headers });
    },
  };
}
