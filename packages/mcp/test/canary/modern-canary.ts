import { META, MODERN, type Json } from '../differential/raw-peer.ts';
import { answerTo, messagesOf, SAME_TOKEN, type CanaryClient } from './canary-client.ts';

const MAX_ROUNDS = 4;

interface InputRequired {
  readonly inputRequests?: Readonly<Record<string, Json>>;
  readonly requestState?: string;
}

/** A client of revision 2026-07-28: no session, answers come with the next request. */
export function createModernCanary(url: string, secret: string): CanaryClient {
  const texts: string[] = [];
  const heard = (text: string): void => {
    texts.push(text);
  };

  async function once(id: number, name: string, more: Json): Promise<Json> {
    const params = {
      name,
      arguments: { secret },
      ...more,
      _meta: {
        [META.version]: MODERN,
        [META.clientInfo]: { name: 'canary', version: '0' },
        [META.capabilities]: { elicitation: { form: {} }, sampling: {}, roots: {} },
        'io.modelcontextprotocol/logLevel': 'debug',
        progressToken: SAME_TOKEN,
      },
    };
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': MODERN,
        'mcp-method': 'tools/call',
        'mcp-name': name,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }),
    });
    let last: Json = {};
    for await (const message of messagesOf(response, heard)) last = message;
    return last;
  }

  return {
    secret,
    session: undefined,
    received: () => texts.join('\n'),
    async call(tool) {
      let answer = await once(1, tool, {});
      for (let round = 2; round <= MAX_ROUNDS; round += 1) {
        const result = answer['result'] as (InputRequired & Json) | undefined;
        if (result?.['resultType'] !== 'input_required') return answer;
        const { inputRequests = {}, requestState } = result;
        const inputResponses = Object.fromEntries(
          Object.entries(inputRequests).map(([key, { method }]) => [key, answerTo(method, secret)]),
        );
        answer = await once(round, tool, {
          inputResponses,
          ...(requestState === undefined ? {} : { requestState }),
        });
      }
      return answer;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
