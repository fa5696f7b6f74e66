import { asJson, type Json } from './raw-peer.ts';
import type { GeneratedItem, GeneratedSpec } from './generated-spec.ts';

/** What a generated server sends for one request: raw JSON messages, the answer last. */
export interface GeneratedAnswer {
  readonly messages: readonly string[];
  readonly streams: boolean;
}

const LISTS = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
} as const;
const ITEMS: Readonly<Record<string, { readonly kind: keyof typeof KINDS; readonly key: string }>> =
  {
    'tools/call': { kind: 'tools', key: 'name' },
    'prompts/get': { kind: 'prompts', key: 'name' },
    'resources/read': { kind: 'resources', key: 'uri' },
  };
const KINDS = { tools: 0, prompts: 0, resources: 0 };

const CAPABILITIES = { tools: {}, prompts: {}, resources: {} };
const SERVER_INFO = { name: 'generated', version: '1' };
const HINTS = '"ttlMs":1000,"cacheScope":"public"';

function listed(items: readonly GeneratedItem[], cursor: unknown, size: number): string {
  // An odd cursor on purpose: a client must take it as it is.
  const at = typeof cursor === 'string' ? Number(cursor.slice('\u00fc '.length)) : 0;
  const page = items.slice(at, at + size).map(({ listed: text }) => text);
  const next = at + size;
  return next < items.length
    ? `[${page.join(',')}],"nextCursor":${JSON.stringify(`\u00fc ${next}`)}`
    : `[${page.join(',')}]`;
}

function hello(spec: GeneratedSpec, isModern: boolean): string {
  const instructions = JSON.stringify(spec.instructions);
  const capabilities = JSON.stringify(CAPABILITIES);
  return isModern
    ? `"supportedVersions":["2026-07-28"],"capabilities":${capabilities},"instructions":${instructions},${HINTS}`
    : `"protocolVersion":"2025-11-25","capabilities":${capabilities},"instructions":${instructions},"serverInfo":${JSON.stringify(SERVER_INFO)}`;
}

/** Answers one request of a generated server, in either era. `asked` is told the parameters of requests for items. */
export function createAnswers(
  spec: GeneratedSpec,
  isModern: boolean,
  asked: (method: string, params: Json) => void,
): (request: Json) => GeneratedAnswer {
  const complete = isModern ? '"resultType":"complete",' : '';
  const hints = isModern ? `,${HINTS}` : '';

  function item(method: string, params: Json): { text: string; found: GeneratedItem } | undefined {
    const route = ITEMS[method];
    if (route === undefined) return undefined;
    const found = spec[route.kind].find(({ name }) => name === params[route.key]);
    if (found === undefined) return undefined;
    asked(method, params);
    const needsHints = method === 'resources/read' ? hints : '';
    const rest = found.result.slice(1, -1);
    return { text: `{${complete}${rest}${needsHints}}`, found };
  }

  return (request) => {
    const method = String(request['method']);
    const params = asJson(request['params'] ?? {});
    const id = JSON.stringify(request['id']);
    const answer = (result: string): string => `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
    const one = (result: string): GeneratedAnswer => ({
      messages: [answer(result)],
      streams: false,
    });
    if (method === (isModern ? 'server/discover' : 'initialize')) {
      return one(`{${complete}${hello(spec, isModern)}}`);
    }
    if (method in LISTS) {
      const kind = LISTS[method as keyof typeof LISTS];
      const page = listed(spec[kind], params['cursor'], spec.pageSize);
      return one(`{${complete}"${kind}":${page}${hints}}`);
    }
    if (method === 'resources/templates/list')
      return one(`{${complete}"resourceTemplates":[]${hints}}`);
    const called = item(method, params);
    if (called === undefined) {
      const error = `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"no"}}`;
      return { messages: [error], streams: false };
    }
    const token = asJson(params['_meta'] ?? {})['progressToken'];
    const progress =
      token === undefined
        ? []
        : called.found.progress.map((rest, index) => notification(token, index, rest));
    return {
      messages: [...progress, answer(called.text)],
      streams: called.found.streams || progress.length > 0,
    };
  };
}

function notification(token: unknown, index: number, rest: string): string {
  const known = `"progressToken":${JSON.stringify(token)},"progress":${index + 1}.0`;
  const params = rest === '' ? known : `${known},${rest}`;
  return `{"jsonrpc":"2.0","method":"notifications/progress","params":{${params}}}`;
}
