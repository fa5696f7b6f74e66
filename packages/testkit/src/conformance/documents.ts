import {
  acceptedContent,
  completable,
  inputRequired,
  ResourceTemplate,
  type GetPromptResult,
  type McpServer,
  type RegisteredPrompt,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { TINY_PNG } from '../features/standard-tools.ts';
import { askText } from './elicitation-forms.ts';

const PLACES = ['paris', 'park', 'party', 'test one', 'test two'];

const startingWith = (value: string): string[] => PLACES.filter((word) => word.startsWith(value));

const said = (text: string): GetPromptResult => ({
  messages: [{ role: 'user', content: { type: 'text', text } }],
});

/** Two resources, one that changes, and a template. */
export function registerResources(server: McpServer): void {
  server.registerResource(
    'static-text',
    'test://static-text',
    { description: 'A text that stays.', mimeType: 'text/plain' },
    ({ href }) => ({
      contents: [
        {
          uri: href,
          mimeType: 'text/plain',
          text: 'This is the content of the static text resource.',
        },
      ],
    }),
  );
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { description: 'An image that stays.', mimeType: 'image/png' },
    ({ href }) => ({ contents: [{ uri: href, mimeType: 'image/png', blob: TINY_PNG }] }),
  );
  server.registerResource(
    'watched-resource',
    'test://watched-resource',
    { description: 'Clients may subscribe to it.', mimeType: 'text/plain' },
    ({ href }) => ({ contents: [{ uri: href, mimeType: 'text/plain', text: 'Watch me.' }] }),
  );
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', {
      list: undefined,
      complete: { id: (value) => ['1', '12', '123'].filter((id) => id.startsWith(value)) },
    }),
    { description: 'Data by its id.', mimeType: 'application/json' },
    ({ href }, { id }) => ({
      contents: [
        {
          uri: href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
}

function registerRichPrompts(server: McpServer): void {
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'Holds a resource.',
      argsSchema: z.object({ resourceUri: z.string().describe('The resource to embed') }),
    },
    ({ resourceUri }) => ({
      messages: [
        {
          role: 'user',
          content: {
            type: 'resource',
            resource: {
              uri: resourceUri,
              mimeType: 'text/plain',
              text: 'Embedded resource content for testing.',
            },
          },
        },
        {
          role: 'user',
          content: { type: 'text', text: 'Please process the embedded resource above.' },
        },
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Holds an image.' }, () => ({
    messages: [
      { role: 'user', content: { type: 'image', data: TINY_PNG, mimeType: 'image/png' } },
      { role: 'user', content: { type: 'text', text: 'Please analyze the image above.' } },
    ],
  }));
}

const word = (about: string): z.ZodString => z.string().describe(about);

/** Registers the prompts and returns the one that comes and goes. */
export function registerPrompts(server: McpServer): RegisteredPrompt {
  server.registerPrompt('test_simple_prompt', { description: 'Has no arguments.' }, () =>
    said('This is a simple prompt for testing.'),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Has two arguments.',
      argsSchema: z.object({
        arg1: completable(word('First test argument'), startingWith),
        arg2: completable(word('Second test argument'), startingWith),
      }),
    },
    ({ arg1, arg2 }) => said(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`),
  );
  registerRichPrompts(server);
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks for its context.' },
    ({ mcpReq }) => {
      const given = acceptedContent(mcpReq.inputResponses, 'user_context')?.['context'];
      if (typeof given === 'string') return said(`Context: ${given}`);
      return inputRequired({
        inputRequests: {
          user_context: askText('context', 'What context should the prompt use?'),
        },
      });
    },
  );
  return server.registerPrompt('test_extra_prompt', { description: 'Comes and goes.' }, () =>
    said('extra'),
  );
}
