import { setTimeout as delay } from 'node:timers/promises';
import { progress, text, type ConformanceTool } from './conformance-tool.ts';

const STEP_MS = 50;
const AFTER_CLOSE_MS = 100;

/** Tools that say something before their result, and tools that change what others are told of. */
export const NOTIFYING_TOOLS: readonly ConformanceTool[] = [
  {
    name: 'test_tool_with_logging',
    description: 'Logs three times while it works.',
    async run(_args, { request }) {
      await request.log('info', 'Tool execution started');
      await delay(STEP_MS);
      await request.log('info', 'Tool processing data');
      await delay(STEP_MS);
      await request.log('info', 'Tool execution completed');
      return text('logged');
    },
  },
  {
    name: 'test_logging_tool',
    description: 'Logs once; nobody hears it who has not asked for a level.',
    async run(_args, { request }) {
      await request.log('info', 'working');
      return text('logged');
    },
  },
  {
    name: 'test_tool_with_progress',
    description: 'Reports progress three times.',
    async run(_args, context) {
      for (const value of [0, 50, 100]) {
        await progress(context, { progress: value, total: 100 });
        await delay(STEP_MS);
      }
      return text('done');
    },
  },
  {
    name: 'test_reconnection',
    description:
      'Ends its stream before the result; the client fetches it by reconnecting (SEP-1699).',
    async run(_args, { closeStream }) {
      closeStream?.();
      await delay(AFTER_CLOSE_MS);
      return text('reached after a reconnection');
    },
  },
  {
    name: 'test_trigger_tool_change',
    description: 'Adds or removes a tool.',
    run: (_args, { world }) => {
      world.change({ kind: 'tools' });
      return text('tools changed');
    },
  },
  {
    name: 'test_trigger_prompt_change',
    description: 'Adds or removes a prompt.',
    run: (_args, { world }) => {
      world.change({ kind: 'prompts' });
      return text('prompts changed');
    },
  },
  {
    name: 'test_trigger_resource_update',
    description: 'Says that a resource has changed.',
    inputSchema: { type: 'object', properties: { uri: { type: 'string' } }, required: ['uri'] },
    run: (args, { world }) => {
      world.change({ kind: 'resource', uri: String(args['uri']) });
      return text('resource updated');
    },
  },
];
