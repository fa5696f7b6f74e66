import { waitUntil } from '@cortex-os/testkit';
import type { JsonObject } from '../../src/protocol/message.ts';
import type { Caller } from '../../src/upstream/upstream.ts';
import {
  recorder,
  toolCall,
  type Answer,
  type Opened,
  type Recorder,
  type Seen,
} from './http-fixture.ts';
import { legacyServer } from './notification-stream-fixture.ts';

/** A client that can be asked. */
export function caller(id: string, capabilities: JsonObject = { sampling: {} }): Caller {
  return { id, capabilities, envelope: [] };
}

export const ELICIT = {
  jsonrpc: '2.0',
  id: 'q1',
  method: 'elicitation/create',
  params: { message: 'name?' },
};
/** What was answered to requests of the server. */
export const answers = (seen: readonly Seen[]): Seen[] =>
  seen.filter(({ method, message }) => method === 'POST' && message['method'] === undefined);

/** A server whose `tools/call` and GET are the test's; everything else is as usual. */
export function asking(
  onCall: Answer,
  onGet: Answer = (_seen, response) => void response.writeHead(405).end(),
): Answer {
  const usual = legacyServer(onGet);
  return (seen, response) =>
    seen.message['method'] === 'tools/call' ? onCall(seen, response) : usual(seen, response);
}

export async function asked(sink: Recorder, count: number = 1): Promise<void> {
  await waitUntil(() => sink.requests.length === count, { describe: 'the client is asked' });
}

export function forward(opened: Opened, who: Caller): Recorder {
  const sink = recorder();
  opened.upstream.forward(toolCall('legacy', { caller: who }), sink);
  return sink;
}
