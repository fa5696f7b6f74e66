import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldHttpTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

/** Official clients by generation and the era they speak. */
export const ASKABLE = ['v1 legacy', 'v2 legacy', 'v2 modern'] as const;
export type AskableMode = (typeof ASKABLE)[number];

export interface Question {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What a client does when it is asked; what is missing it does not declare. */
export interface Answers {
  sampling?: (question: Question) => unknown;
  elicitation?: (question: Question) => unknown;
  roots?: (question: Question) => unknown;
}

/** A client that can be asked. */
export interface AskableClient extends AsyncDisposable {
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<CallAnswer>;
  /** Says that its roots have changed, which the modern revision has no words for. */
  rootsChanged(): Promise<void>;
  /** Everything it was asked, in order. */
  readonly asked: readonly Question[];
}

export interface CallAnswer {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
}

export const MODEL_ANSWER = {
  model: 'test-model',
  role: 'assistant',
  content: { type: 'text', text: 'four' },
};

function capabilitiesOf(answers: Answers): Record<string, object> {
  return {
    ...(answers.sampling && { sampling: { tools: {}, context: {} } }),
    ...(answers.elicitation && { elicitation: { form: {}, url: {} } }),
    ...(answers.roots && { roots: { listChanged: true } }),
  };
}

/** The handlers of a client, which note what it was asked. */
function handlersOf(answers: Answers, asked: Question[]) {
  const handler =
    (answer: ((question: Question) => unknown) | undefined) =>
    async ({ method, params }: { method: string; params?: object | undefined }): Promise<never> => {
      const question = { method, params: { ...params } };
      asked.push(question);
      return (await answer?.(question)) as never;
    };
  return {
    sampling: handler(answers.sampling),
    elicitation: handler(answers.elicitation),
    roots: handler(answers.roots),
  };
}

export async function connectAskable(
  url: string,
  mode: AskableMode,
  answers: Answers,
): Promise<AskableClient> {
  const asked: Question[] = [];
  const client =
    mode === 'v1 legacy'
      ? await connectOld(url, answers, asked)
      : await connectNew(url, mode, answers, asked);
  return {
    asked,
    call: async (name, args = {}, signal) => {
      const options = signal === undefined ? {} : { signal };
      const params = { name, arguments: args };
      const answer =
        client instanceof OldClient
          ? await client.callTool(params, undefined, options)
          : await client.callTool(params, options);
      return answer as unknown as CallAnswer;
    },
    rootsChanged: async () => await client.sendRootsListChanged(),
    [Symbol.asyncDispose]: async () => await client.close(),
  };
}

async function connectOld(url: string, answers: Answers, asked: Question[]): Promise<OldClient> {
  const client = new OldClient(
    { name: 'asked-v1', version: '0' },
    { capabilities: capabilitiesOf(answers) },
  );
  const handlers = handlersOf(answers, asked);
  if (answers.sampling) client.setRequestHandler(CreateMessageRequestSchema, handlers.sampling);
  if (answers.elicitation) client.setRequestHandler(ElicitRequestSchema, handlers.elicitation);
  if (answers.roots) client.setRequestHandler(ListRootsRequestSchema, handlers.roots);
  const transport = new OldHttpTransport(new URL(url));
  await client.connect(transport);
  return client;
}

async function connectNew(
  url: string,
  mode: AskableMode,
  answers: Answers,
  asked: Question[],
): Promise<Client> {
  const negotiation = mode === 'v2 legacy' ? 'legacy' : { pin: '2026-07-28' };
  const client = new Client(
    { name: 'asked-v2', version: '0' },
    { capabilities: capabilitiesOf(answers), versionNegotiation: { mode: negotiation } },
  );
  const handlers = handlersOf(answers, asked);
  if (answers.sampling) client.setRequestHandler('sampling/createMessage', handlers.sampling);
  if (answers.elicitation) client.setRequestHandler('elicitation/create', handlers.elicitation);
  if (answers.roots) client.setRequestHandler('roots/list', handlers.roots);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

/** The text of the first content block. */
export function textOf({ content }: CallAnswer): string {
  return content[0]?.text ?? '';
}
