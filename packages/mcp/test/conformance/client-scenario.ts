import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { awaitCatalog } from './await-catalog.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';

export interface ClientScenario {
  /** The suite's server. */
  readonly url: string;
  readonly scenario: string;
  /** JSON, for scenarios that say what is to be called. */
  readonly context: string | undefined;
  readonly revision: string | undefined;
}

type Args = Readonly<Record<string, unknown>>;
interface ToolCall {
  readonly name: string;
  readonly arguments: Args;
}

const ID = 'upstream';
const CONNECT_TIMEOUT_MS = 3_000;
const MODERN = '2026-07-28';
const ARGUMENTS: Readonly<Record<string, Args>> = { add_numbers: { a: 5, b: 3 } };
const ECHO_SCHEMA = 'json_schema_echo';
const WITH_SCHEMA = 'json_schema_2020_12_tool';

/** A client of the gateway that answers every question with what the form proposes. */
async function connect(gateway: TestGateway, revision: string | undefined): Promise<Client> {
  const client = new Client(
    { name: 'conformance', version: '0' },
    {
      versionNegotiation: { mode: revision === MODERN ? { pin: MODERN } : 'legacy' },
      capabilities: {
        elicitation: { form: { applyDefaults: true } },
        sampling: {},
        roots: {},
      },
    },
  );
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: {} }));
  client.setRequestHandler('sampling/createMessage', () => ({
    role: 'assistant',
    content: { type: 'text', text: 'yes' },
    model: 'none',
  }));
  client.setRequestHandler('roots/list', () => ({ roots: [] }));
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url(ID))));
  return client;
}

function parseContext(text: string | undefined): readonly ToolCall[] | undefined {
  if (text === undefined || text === '') return undefined;
  return (JSON.parse(text) as { toolCalls?: readonly ToolCall[] }).toolCalls;
}

/** What the context asks for, else every tool that is listed. */
async function chooseCalls(
  client: Client,
  context: string | undefined,
): Promise<readonly ToolCall[]> {
  const { tools } = await client.listTools();
  const asked = parseContext(context);
  if (asked !== undefined) return asked;
  const schema = tools.find(({ name }) => name === WITH_SCHEMA)?.inputSchema;
  return tools
    .filter(({ name }) => name !== ECHO_SCHEMA || schema !== undefined)
    .map(({ name }) => ({
      name,
      arguments: name === ECHO_SCHEMA ? { schema } : (ARGUMENTS[name] ?? {}),
    }));
}

async function tryAll(work: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const one of work) {
    try {
      await one();
    } catch (error) {
      // What a scenario's server refuses is for its checks to judge.
      console.error(String(error));
    }
  }
}

/** Starts a gateway in front of the suite's server and uses everything it offers through it, once. */
export async function runClientScenario(given: ClientScenario): Promise<void> {
  await using gateway = await startGateway([
    connector(ID, { kind: 'http', url: given.url, headers: {} }),
  ]);
  // One scenario refuses the first request, and the next try comes by itself.
  await tryAll([async () => awaitCatalog(gateway, CONNECT_TIMEOUT_MS)]);
  const client = await connect(gateway, given.revision);
  const { resources } = await client.listResources();
  const { prompts } = await client.listPrompts();
  const calls = await chooseCalls(client, given.context);
  await tryAll([
    ...calls.map(
      (call) => async () => client.callTool({ name: call.name, arguments: { ...call.arguments } }),
    ),
    ...resources.map(
      ({ uri }) =>
        async () =>
          client.readResource({ uri }),
    ),
    ...prompts.map(
      ({ name }) =>
        async () =>
          client.getPrompt({ name }),
    ),
  ]);
  await client.close();
}
