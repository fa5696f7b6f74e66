import { setTimeout as delay } from 'node:timers/promises';
import { inputRequired } from '@modelcontextprotocol/server';
import { answered, progress, text, type ConformanceTool } from './conformance-tool.ts';
import { askText } from './elicitation-forms.ts';

const STEPS = 3;
const STEP_MS = 5;

const SECRET = {
  type: 'object',
  properties: { secret: { type: 'string' } },
  required: ['secret'],
};

/** Tools that say one caller's secret in everything that one call can send, so that a leak shows whose it is. */
export const CANARY_TOOLS: readonly ConformanceTool[] = [
  {
    name: 'canary',
    description: 'Says the secret in progress, log messages and the result.',
    inputSchema: SECRET,
    async run(args, context) {
      const secret = String(args['secret']);
      for (let step = 1; step <= STEPS; step += 1) {
        await progress(context, { progress: step, total: STEPS, message: secret });
        await context.request.log('info', secret);
        await delay(STEP_MS);
      }
      return { ...text(secret), structuredContent: { secret } };
    },
  },
  {
    name: 'canary_elicitation',
    description: 'Asks with the secret and says what was answered.',
    inputSchema: SECRET,
    async run(args, context) {
      const secret = String(args['secret']);
      const view = answered(context, 'canary');
      if (view.kind === 'missing') {
        await delay(STEP_MS);
        return inputRequired({ inputRequests: { canary: askText('reply', secret) } });
      }
      return text(`${secret} ${JSON.stringify(view)}`);
    },
  },
  {
    name: 'canary_sampling',
    description: "Asks the client's model with the secret and says what was answered.",
    inputSchema: SECRET,
    run(args, context) {
      const secret = String(args['secret']);
      const view = answered(context, 'canary');
      if (view.kind !== 'missing') return text(`${secret} ${JSON.stringify(view)}`);
      return inputRequired({
        inputRequests: {
          canary: inputRequired.createMessage({
            messages: [{ role: 'user', content: { type: 'text', text: secret } }],
            maxTokens: 10,
          }),
        },
      });
    },
  },
];
