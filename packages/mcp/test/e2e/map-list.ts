import { sendModern } from '../gateway/raw-client.ts';

/** Names of the tools that the shared endpoint lists. */
export async function listTools(origin: string): Promise<readonly string[]> {
  const answer = await sendModern(`${origin}/mcp`, 'tools/list');
  const body = answer.json() as { result: { tools: readonly { name: string }[] } };
  return body.result.tools.map(({ name }) => name);
}
