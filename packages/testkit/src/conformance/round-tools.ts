import { acceptedContent, inputRequired, type InputRequest } from '@modelcontextprotocol/server';
import { answered, text, type ConformanceTool, type ToolContext } from './conformance-tool.ts';
import type { RoundState } from './conformance-world.ts';
import { askText } from './elicitation-forms.ts';

const confirm = (): InputRequest =>
  inputRequired.elicit({
    message: 'Please confirm',
    requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  });

const sample = (prompt: string, maxTokens: number): InputRequest =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    maxTokens,
  });

/** The text of an accepted form, or undefined when it was not given. */
export function acceptedText(
  { request }: ToolContext,
  key: string,
  field: string,
): string | undefined {
  const value = acceptedContent(request.inputResponses, key)?.[field];
  return typeof value === 'string' ? value : undefined;
}

const state = ({ request }: ToolContext): RoundState | undefined =>
  request.requestState<RoundState>();

/** A tool that asks for a confirmation and wants its signed state back with it. */
function confirming(name: string, description: string): ConformanceTool {
  return {
    name,
    description,
    async run(_args, context) {
      const given = state(context);
      if (given?.tool === name && answered(context, 'confirm').kind === 'elicit') {
        return text('state-ok');
      }
      const requestState = await context.world.requestState.mint({ tool: name, round: 1 });
      return inputRequired({ inputRequests: { confirm: confirm() }, requestState });
    },
  };
}

const MULTI_ROUND = 'test_input_required_result_multi_round';

const multiRound: ConformanceTool = {
  name: MULTI_ROUND,
  description: 'Asks twice, one after the other.',
  async run(_args, context) {
    const { world } = context;
    const given = state(context);
    const name = acceptedText(context, 'step1', 'name') ?? given?.name;
    if (name === undefined) {
      return inputRequired({
        inputRequests: { step1: askText('name', 'Step 1: What is your name?') },
        requestState: await world.requestState.mint({ tool: MULTI_ROUND, round: 1 }),
      });
    }
    const color = acceptedText(context, 'step2', 'color');
    if (color === undefined) {
      return inputRequired({
        inputRequests: { step2: askText('color', 'Step 2: What is your favorite color?') },
        requestState: await world.requestState.mint({ tool: MULTI_ROUND, round: 2, name }),
      });
    }
    return text(`${name} likes ${color}`);
  },
};

const MULTIPLE = 'test_input_required_result_multiple_inputs';

const multipleInputs: ConformanceTool = {
  name: MULTIPLE,
  description: 'Asks for a name, a greeting and roots at once.',
  async run(_args, context) {
    const name = acceptedText(context, 'user_name', 'name');
    const greeting = answered(context, 'greeting');
    const roots = answered(context, 'client_roots');
    if (name !== undefined && greeting.kind === 'sampling' && roots.kind === 'roots') {
      return text(
        `${JSON.stringify(greeting.result.content)} ${name}, ${roots.roots.length} roots`,
      );
    }
    return inputRequired({
      inputRequests: {
        user_name: askText('name', 'What is your name?'),
        greeting: sample('Generate a greeting', 50),
        client_roots: inputRequired.listRoots(),
      },
      requestState: await context.world.requestState.mint({ tool: MULTIPLE, round: 1 }),
    });
  },
};

const onlyWhatIsDeclared: ConformanceTool = {
  name: 'test_input_required_result_capabilities',
  description: 'Asks only for what the client has declared.',
  run(_args, context) {
    const { elicitation, sampling } = context.clientCapabilities;
    const inputRequests = {
      ...(elicitation === undefined ? {} : { user_name: askText('name', 'What is your name?') }),
      ...(sampling === undefined ? {} : { greeting: sample('Generate a greeting', 50) }),
    };
    const missing = Object.keys(inputRequests).filter(
      (key) => answered(context, key).kind === 'missing',
    );
    return missing.length === 0 ? text('nothing to ask') : inputRequired({ inputRequests });
  },
};

/** Tools of several rounds (SEP-2322): the client answers `input_required` and calls again. */
export const ROUND_TOOLS: readonly ConformanceTool[] = [
  {
    name: 'test_input_required_result_elicitation',
    description: 'Greets by a name it asks for.',
    run(_args, context) {
      const name = acceptedText(context, 'user_name', 'name');
      if (name !== undefined) return text(`Hello, ${name}!`);
      return inputRequired({ inputRequests: { user_name: askText('name', 'What is your name?') } });
    },
  },
  {
    name: 'test_input_required_result_sampling',
    description: "Asks the client's model a question.",
    run(_args, context) {
      const view = answered(context, 'capital_question');
      if (view.kind === 'sampling') return text(JSON.stringify(view.result.content));
      return inputRequired({
        inputRequests: { capital_question: sample('What is the capital of France?', 100) },
      });
    },
  },
  {
    name: 'test_input_required_result_list_roots',
    description: "Lists the client's roots.",
    run(_args, context) {
      const view = answered(context, 'client_roots');
      if (view.kind === 'roots') return text(view.roots.map(({ uri }) => uri).join('\n'));
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    },
  },
  confirming('test_input_required_result_request_state', 'Wants its state back with the answer.'),
  confirming('test_input_required_result_tampered_state', 'Refuses a state it has not signed.'),
  multiRound,
  multipleInputs,
  onlyWhatIsDeclared,
];
