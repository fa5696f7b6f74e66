import { asArray, asText, isObject } from '../model/json.ts';
import { readTool, type Tool } from '../model/tools.ts';
import type { McpClient, McpOutcome } from './mcp-client.ts';
import type { Store } from './store.ts';

/** What is known of the tools. */
export type ToolList =
  | { readonly kind: 'none' }
  | { readonly kind: 'loading'; readonly tools: readonly Tool[] }
  | { readonly kind: 'loaded'; readonly tools: readonly Tool[]; readonly isCut: boolean }
  | { readonly kind: 'failed'; readonly tools: readonly Tool[]; readonly why: string };

const MAX_PAGES = 200;
const MAX_TOOLS = 50_000;

export function toolsOf(list: ToolList): readonly Tool[] {
  return list.kind === 'none' ? [] : list.tools;
}

function whyOf(outcome: Exclude<McpOutcome, { kind: 'result' }>, status: number): string {
  if (status === 403) return 'This key may not list tools.';
  const said = outcome.kind === 'error' ? asText(outcome.error['message']) : undefined;
  return said ?? `The gateway answered ${status} to tools/list.`;
}

async function readPages(client: McpClient): Promise<ToolList> {
  const tools: Tool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && tools.length < MAX_TOOLS; page += 1) {
    const params = cursor === undefined ? {} : { cursor };
    const { outcome, status } = await client.send({ method: 'tools/list', params });
    if (outcome.kind !== 'result') return { kind: 'failed', tools, why: whyOf(outcome, status) };
    for (const one of asArray(outcome.result['tools'])) {
      if (isObject(one) && typeof one['name'] === 'string') tools.push(readTool(one));
    }
    cursor = asText(outcome.result['nextCursor']);
    if (cursor === undefined) return { kind: 'loaded', tools, isCut: false };
  }
  return { kind: 'loaded', tools, isCut: true };
}

/** Stores whose tools were wanted anew while they were being read. */
const wantedAnew = new WeakSet<Store<ToolList>>();

/**
 * Reads all tools into the store; those known before stay there meanwhile. One reading at a time: who asks during one
 * has it followed by another, as what is being read may be from before the change he asks for.
 */
export async function loadTools(client: McpClient, store: Store<ToolList>): Promise<void> {
  if (store.get().kind === 'loading') {
    wantedAnew.add(store);
    return;
  }
  do {
    wantedAnew.delete(store);
    await readInto(client, store);
  } while (wantedAnew.has(store));
}

async function readInto(client: McpClient, store: Store<ToolList>): Promise<void> {
  const known = toolsOf(store.get());
  store.set({ kind: 'loading', tools: known });
  try {
    const list = await readPages(client);
    store.set(list.kind === 'failed' ? { ...list, tools: known } : list);
  } catch {
    // What fetch says of it is different in every browser, and says no more.
    store.set({ kind: 'failed', tools: known, why: 'The gateway could not be reached.' });
  }
}
