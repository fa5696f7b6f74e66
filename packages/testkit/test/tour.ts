import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdioTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OldHttpTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { expect } from 'vitest';
import type { RunningUpstream } from '../src/index.ts';

/** The ways an official client can be set up. */
export type ClientMode = 'v2 auto' | 'v2 pinned' | 'v2 legacy' | 'v1';

const MODES = {
  'v2 auto': { mode: 'auto' },
  'v2 pinned': { mode: { pin: '2026-07-28' } },
  'v2 legacy': { mode: 'legacy' },
} as const;

const INFO = { name: 'tour', version: '0' };

export async function connectV2(
  upstream: RunningUpstream,
  mode: Exclude<ClientMode, 'v1'> = 'v2 auto',
): Promise<Client> {
  const client = new Client(INFO, { versionNegotiation: MODES[mode] });
  const transport =
    upstream.transport === 'http'
      ? new StreamableHTTPClientTransport(new URL(upstream.url))
      : new StdioClientTransport({
          command: upstream.command.command,
          args: [...upstream.command.args],
        });
  await client.connect(transport);
  return client;
}

export async function connectV1(upstream: RunningUpstream): Promise<OldClient> {
  const client = new OldClient(INFO);
  const transport =
    upstream.transport === 'http'
      ? new OldHttpTransport(new URL(upstream.url))
      : new OldStdioTransport({
          command: upstream.command.command,
          args: [...upstream.command.args],
        });
  await client.connect(transport);
  return client;
}

/** A client has to have one to be told. */
function ignoreProgress(): void {
  // `tapProgress` sees it.
}

/**
 * Notes the progress that a client reads. The SDK's own handlers lose what is read together with the answer.
 * @returns a function that ends it.
 */
function tapProgress({ transport }: Client | OldClient, steps: number[]): () => void {
  if (transport === undefined) throw new TypeError('the client is not connected');
  const onmessage: unknown = Reflect.get(transport, 'onmessage');
  if (typeof onmessage !== 'function') throw new TypeError('nobody reads what comes');
  Reflect.set(transport, 'onmessage', (...read: readonly unknown[]) => {
    const [message] = read;
    const isProgress = JSON.stringify(message).includes('"notifications/progress"');
    if (isProgress) steps.push((message as { params: { progress: number } }).params.progress);
    Reflect.apply(onmessage, transport, read);
  });
  return () => void Reflect.set(transport, 'onmessage', onmessage);
}

/** Uses everything a standard server offers, with the official client of the given mode. */
export async function tour(upstream: RunningUpstream, mode: ClientMode): Promise<void> {
  const client = mode === 'v1' ? await connectV1(upstream) : await connectV2(upstream, mode);
  try {
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(
      expect.arrayContaining(['echo', 'add', 'image', 'fail', 'throw', 'slow', 'odd', 'big']),
    );
    expect(tools.some((tool) => tool.name === 'env')).toBe(upstream.transport === 'stdio');
    expect(await client.callTool({ name: 'echo', arguments: { message: 'grüße' } })).toMatchObject({
      content: [{ type: 'text', text: 'grüße' }],
    });
    expect(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })).toMatchObject({
      structuredContent: { sum: 5 },
    });
    expect(await client.callTool({ name: 'image', arguments: {} })).toMatchObject({
      content: [{ type: 'image', mimeType: 'image/png' }],
    });
    expect(await client.callTool({ name: 'fail', arguments: {} })).toMatchObject({ isError: true });
    await expect(client.callTool({ name: 'throw', arguments: {} })).rejects.toMatchObject({
      code: -32_000,
      data: { reason: 'test', detail: [1, 'ü'] },
    });
    await expect(client.callTool({ name: 'nope', arguments: {} })).rejects.toMatchObject({
      code: -32_602,
    });
    const steps: number[] = [];
    const untap = tapProgress(client, steps);
    const onprogress = ignoreProgress;
    const slow = { name: 'slow', arguments: { ms: 20, steps: 4 } };
    if (client instanceof OldClient) await client.callTool(slow, undefined, { onprogress });
    else await client.callTool(slow, { onprogress });
    untap();
    expect(steps).toEqual([1, 2, 3, 4]);
    const { prompts } = await client.listPrompts();
    expect(prompts.map((prompt) => prompt.name)).toEqual(['greet', 'summary']);
    expect(await client.getPrompt({ name: 'greet', arguments: { name: 'Ann' } })).toMatchObject({
      messages: [{ content: { text: 'Say hello to Ann.' } }],
    });
    const { resources } = await client.listResources();
    expect(resources).toHaveLength(2);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map((template) => template.uriTemplate)).toEqual([
      'test://items/{id}',
    ]);
    expect(await client.readResource({ uri: 'test://items/a%20b' })).toMatchObject({
      contents: [{ text: 'item a b' }],
    });
    expect(await client.readResource({ uri: 'test://static/image' })).toMatchObject({
      contents: [{ mimeType: 'image/png' }],
    });
  } finally {
    await client.close();
  }
}
