import { INVALID_PARAMS, RpcError } from './call-context.ts';
import { asJsonObject, type JsonObject as Json } from '../json-object.ts';
import { TINY_PNG } from './standard-tools.ts';

const PROMPTS = [
  {
    name: 'greet',
    title: 'Greet',
    description: 'Greets someone.',
    arguments: [{ name: 'name', description: 'Whom to greet', required: true }],
  },
  { name: 'summary', description: 'Asks for a summary.' },
];

const TEXT_URI = 'test://static/text';
const IMAGE_URI = 'test://static/image';
const ITEM = /^test:\/\/items\/([^/]+)$/u;

const RESOURCES = [
  { uri: TEXT_URI, name: 'text', mimeType: 'text/plain' },
  { uri: IMAGE_URI, name: 'image', mimeType: 'image/png' },
];

const TEMPLATES = [{ uriTemplate: 'test://items/{id}', name: 'item', mimeType: 'text/plain' }];

const said = (text: string): Json => ({
  messages: [{ role: 'user', content: { type: 'text', text } }],
});

function getPrompt(params: Json): Json {
  const given = asJsonObject(params['arguments']);
  if (params['name'] === 'summary') return said('Summarise what was said.');
  if (params['name'] !== 'greet') throw new RpcError(INVALID_PARAMS, 'no such prompt');
  if (typeof given['name'] !== 'string') throw new RpcError(INVALID_PARAMS, 'name is required');
  return { description: 'Greets someone.', ...said(`Say hello to ${given['name']}.`) };
}

function readResource(uri: unknown): Json {
  if (uri === TEXT_URI) return { contents: [{ uri, mimeType: 'text/plain', text: 'static text' }] };
  if (uri === IMAGE_URI) return { contents: [{ uri, mimeType: 'image/png', blob: TINY_PNG }] };
  const id = typeof uri === 'string' ? ITEM.exec(uri)?.[1] : undefined;
  if (id === undefined) throw new RpcError(INVALID_PARAMS, 'Resource not found', { uri });
  return { contents: [{ uri, mimeType: 'text/plain', text: `item ${decodeURIComponent(id)}` }] };
}

/** Two prompts, two resources and a template: list, get and read; undefined for any other method. */
export function answerDocuments(method: string, params: Json): Json | undefined {
  switch (method) {
    case 'prompts/list':
      return { prompts: PROMPTS };
    case 'prompts/get':
      return getPrompt(params);
    case 'resources/list':
      return { resources: RESOURCES };
    case 'resources/templates/list':
      return { resourceTemplates: TEMPLATES };
    case 'resources/read':
      return readResource(params['uri']);
    default:
      return undefined;
  }
}
