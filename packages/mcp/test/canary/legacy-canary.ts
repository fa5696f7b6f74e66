import { LEGACY, type Json } from '../differential/raw-peer.ts';
import {
  answerTo,
  messagesOf,
  SAME_TOKEN,
  sseMessages,
  type CanaryClient,
} from './canary-client.ts';

const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

/** A client of revision 2025-11-25: a session with a stream of its own, on which it may be asked. */
export async function connectLegacyCanary(url: string, secret: string): Promise<CanaryClient> {
  const texts: string[] = [];
  const heard = (text: string): void => {
    texts.push(text);
  };
  const opened = await fetch(url, {
    method: 'POST',
    headers: JSON_HEADERS,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: LEGACY,
        capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
        clientInfo: { name: 'canary', version: '0' },
      },
    }),
  });
  heard(await opened.text());
  const session = opened.headers.get('mcp-session-id');
  if (session === null) throw new Error('no session');
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': LEGACY };

  async function post(message: Json): Promise<Response> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...JSON_HEADERS, ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
    const given = response.headers.get('mcp-session-id');
    // A session of somebody else is found like any other secret.
    if (given !== null && given !== session) heard(`secret-of-session-${given}`);
    return response;
  }
  async function send(message: Json): Promise<void> {
    heard(await (await post(message)).text());
  }
  async function answer(message: Json): Promise<void> {
    if (!('method' in message) || !('id' in message)) return;
    await send({ id: message['id'], result: answerTo(message['method'], secret) });
  }

  await send({ method: 'notifications/initialized' });
  const leaving = new AbortController();
  const stream = await fetch(url, {
    headers: { ...headers, accept: 'text/event-stream' },
    signal: leaving.signal,
  });
  async function listen(): Promise<void> {
    if (stream.body === null) return;
    for await (const message of sseMessages(stream.body, heard)) await answer(message);
  }
  const listening = listen().catch(() => {
    // The stream ends with the client.
  });
  await send({ id: 1, method: 'logging/setLevel', params: { level: 'debug' } });
  let lastId = 1;

  return {
    secret,
    session,
    received: () => texts.join('\n'),
    async call(name) {
      lastId += 1;
      const id = lastId;
      const params = { name, arguments: { secret }, _meta: { progressToken: SAME_TOKEN } };
      const response = await post({ id, method: 'tools/call', params });
      let last: Json = {};
      for await (const message of messagesOf(response, heard)) {
        last = message;
        await answer(message);
      }
      return last;
    },
    [Symbol.asyncDispose]: async () => {
      leaving.abort();
      await listening;
      await fetch(url, { method: 'DELETE', headers });
    },
  };
}
