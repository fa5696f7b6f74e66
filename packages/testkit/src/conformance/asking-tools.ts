import {
  inputRequired,
  type InputRequest,
  type InputResponseView,
} from '@modelcontextprotocol/server';
import type { JsonObject } from '../json-object.ts';
import { answered, text, type ConformanceTool } from './conformance-tool.ts';
import { askEmail, askEnums, askWithDefaults } from './elicitation-forms.ts';

interface AskingTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  readonly ask: (args: JsonObject) => InputRequest;
}

const KEY = 'answer';

function say(view: InputResponseView): string {
  switch (view.kind) {
    case 'sampling':
      return `LLM response: ${JSON.stringify(view.result.content)}`;
    case 'elicit':
      return `action=${view.action}, content=${JSON.stringify(view.content ?? {})}`;
    case 'roots':
      return `roots: ${view.roots.map(({ uri }) => uri).join(', ')}`;
    case 'missing':
    default:
      return 'nothing';
  }
}

/** Asks the client once and tells what it answered. Towards older clients the SDK sends it as a request of its own. */
function asking({ name, description, inputSchema, ask }: AskingTool): ConformanceTool {
  return {
    name,
    description,
    ...(inputSchema === undefined ? {} : { inputSchema }),
    run(args, context) {
      const view = answered(context, KEY);
      if (view.kind === 'missing') return inputRequired({ inputRequests: { [KEY]: ask(args) } });
      return text(say(view));
    },
  };
}

function sampling(prompt: string): InputRequest {
  return inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    maxTokens: 100,
  });
}

const oneString = (name: string): Readonly<Record<string, unknown>> => ({
  type: 'object',
  properties: { [name]: { type: 'string' } },
  required: [name],
});

/** Tools that ask the client one thing: for a model's answer, for a form, for its roots. */
export const ASKING_TOOLS: readonly ConformanceTool[] = [
  asking({
    name: 'test_sampling',
    description: "Asks the client's model.",
    inputSchema: oneString('prompt'),
    ask: (args) => sampling(String(args['prompt'])),
  }),
  asking({
    name: 'test_elicitation',
    description: 'Asks the user for a name and an address.',
    inputSchema: oneString('message'),
    ask: (args) => askEmail(String(args['message'])),
  }),
  asking({
    name: 'test_elicitation_sep1034_defaults',
    description: 'Asks with a default for each primitive type (SEP-1034).',
    ask: askWithDefaults,
  }),
  asking({
    name: 'test_elicitation_sep1330_enums',
    description: 'Asks with each kind of choice (SEP-1330).',
    ask: askEnums,
  }),
  asking({
    name: 'test_roots',
    description: 'Asks the client for its roots.',
    ask: () => inputRequired.listRoots(),
  }),
  asking({
    name: 'test_missing_capability',
    description: 'Needs a client with `sampling`.',
    ask: () => sampling('Is anybody there?'),
  }),
  asking({
    name: 'test_streaming_elicitation',
    description: 'Asks for input in the middle of its work.',
    ask: () => askEmail('Who are you?'),
  }),
];
