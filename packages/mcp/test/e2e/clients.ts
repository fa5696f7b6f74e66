import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldHttpTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** The ways an official client can be set up. */
export const CLIENT_MODES = ['v2 auto', 'v2 pinned', 'v2 legacy', 'v1'] as const;
export type ClientMode = (typeof CLIENT_MODES)[number];

/** What the tests use of an official client, the same for both generations. */
export interface TourClient extends AsyncDisposable {
  listToolNames(): Promise<string[]>;
  call(name: string, args?: Record<string, unknown>): Promise<unknown>;
  /** The progress values that came before the answer. */
  callWithProgress(name: string, args: Record<string, unknown>): Promise<number[]>;
  listPromptNames(): Promise<string[]>;
  getPrompt(name: string, args: Record<string, string>): Promise<unknown>;
  listResourceUris(): Promise<string[]>;
  readResource(uri: string): Promise<unknown>;
  serverName(): string | undefined;
}

const NEGOTIATION = {
  'v2 auto': { mode: 'auto' },
  'v2 pinned': { mode: { pin: '2026-07-28' } },
  'v2 legacy': { mode: 'legacy' },
} as const;

export async function connectClient(url: string, mode: ClientMode): Promise<TourClient> {
  return mode === 'v1' ? await connectOld(url) : await connectNew(url, mode);
}

async function connectNew(url: string, mode: Exclude<ClientMode, 'v1'>): Promise<TourClient> {
  const client = new Client(
    { name: 'tour', version: '0' },
    { versionNegotiation: NEGOTIATION[mode] },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    ...shared(client),
    callWithProgress: async (name, args) => {
      const seen: number[] = [];
      await client.callTool(
        { name, arguments: args },
        { onprogress: ({ progress }) => void seen.push(progress) },
      );
      return seen;
    },
  };
}

async function connectOld(url: string): Promise<TourClient> {
  const client = new OldClient({ name: 'tour', version: '0' });
  const transport = new OldHttpTransport(new URL(url));
  await client.connect(transport);
  return {
    ...shared(client),
    callWithProgress: async (name, args) => {
      const seen: number[] = [];
      await client.callTool({ name, arguments: args }, undefined, {
        onprogress: ({ progress }) => void seen.push(progress),
      });
      return seen;
    },
  };
}

function shared(client: Client | OldClient): Omit<TourClient, 'callWithProgress'> {
  return {
    listToolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}) => await client.callTool({ name, arguments: args }),
    listPromptNames: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    getPrompt: async (name, args) => await client.getPrompt({ name, arguments: args }),
    listResourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    readResource: async (uri) => await client.readResource({ uri }),
    serverName: () => client.getServerVersion()?.name,
    [Symbol.asyncDispose]: async () => await client.close(),
  };
}
