import type { Endpoint } from '../gateway/endpoint.ts';
import { ANONYMOUS } from '../gateway/reply/anonymous.ts';
import { Cancellation } from '../gateway/call/cancellation.ts';
import { createInProcessReply } from '../gateway/reply/in-process-reply.ts';
import { OWN_CALLER } from '../upstream/upstream.ts';

/**
 * Calls a tool of the shared endpoint without a connection.
 * @param argumentsText raw JSON of an object.
 * @returns the whole JSON-RPC answer as text.
 */
export async function callInProcess(
  { answerer }: Pick<Endpoint, 'answerer'>,
  tool: string,
  argumentsText: string,
): Promise<string> {
  const reply = createInProcessReply();
  const name = { key: 'name', text: JSON.stringify(tool) };
  const members = [name, { key: 'arguments', text: argumentsText }];
  await answerer.answer(
    {
      id: 1,
      method: 'tools/call',
      params: { members, meta: [], value: { name: tool } },
      era: 'legacy',
      connectorId: undefined,
      principal: ANONYMOUS,
      caller: OWN_CALLER,
      paramHeaders: {},
      cancellation: new Cancellation(),
    },
    reply,
  );
  return await reply.answered;
}
