import type { StreamPolicy } from '../../src/upstream/streamable-http/notification-stream-policy.ts';
import {
  DISCOVERED,
  INITIALIZED,
  SIGNAL,
  json,
  legacyAnswer,
  type Answer,
  type Opened,
} from './http-fixture.ts';

/** Reconnects within milliseconds and never rests, so that real servers can be met many times. */
export const QUICK: StreamPolicy = {
  firstDelayMs: 0,
  acknowledgeTimeoutMs: 100,
  floorMs: 5,
  capMs: 20,
  steadyMs: 30_000,
  quickMs: 0,
  maxQuickFailures: 1_000,
  restMs: 1_000,
};

export const ANNOUNCED = { tools: { listChanged: true }, prompts: { listChanged: true } };
export const TOOLS_CHANGED = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
export const PROMPTS_CHANGED = '{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}';

/** The one thing after which streams are opened. */
export async function listTools({ upstream }: Opened): Promise<void> {
  await upstream.request('tools/list', [], { signal: SIGNAL, timeoutMs: 5_000 });
}

/** Lists for several times as long as `QUICK` waits before it tries again. */
export async function listAwhile(opened: Opened): Promise<void> {
  const endMs = performance.now() + 5 * QUICK.capMs;
  while (performance.now() < endMs) await listTools(opened);
}

const answerList: Answer = (seen, response) => {
  const { id, method } = seen.message;
  if (id === undefined || method === undefined) response.writeHead(202).end();
  else json(response, { jsonrpc: '2.0', id, result: { tools: [] } });
};

/** A legacy server with sessions that announces changes; GET is the test's. */
export function legacyServer(get: Answer, capabilities: object = ANNOUNCED): Answer {
  let sessions = 0;
  const others = legacyAnswer(answerList);
  return (seen, response) => {
    if (seen.method === 'GET') return get(seen, response);
    if (seen.message['method'] !== 'initialize') return others(seen, response);
    sessions += 1;
    const result = { ...INITIALIZED, capabilities };
    const headers = { 'mcp-session-id': `s${sessions}` };
    json(response, { jsonrpc: '2.0', id: seen.message['id'], result }, 200, headers);
    return undefined;
  };
}

/** A modern server that announces changes; `subscriptions/listen` is the test's. */
export function modernServer(listen: Answer, capabilities: object = ANNOUNCED): Answer {
  return (seen, response) => {
    const { id, method } = seen.message;
    if (method === 'subscriptions/listen') return listen(seen, response);
    if (method !== 'server/discover') return answerList(seen, response);
    json(response, { jsonrpc: '2.0', id, result: { ...DISCOVERED, capabilities } });
    return undefined;
  };
}

/** The first frame of a modern stream. */
export function acknowledgement(id: unknown, notifications: object): object {
  const meta = { 'io.modelcontextprotocol/subscriptionId': id };
  return {
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications, _meta: meta },
  };
}
