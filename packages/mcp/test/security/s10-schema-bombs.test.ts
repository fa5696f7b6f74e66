import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendModern } from '../gateway/raw-client.ts';
import {
  expectNoStall,
  MAX_STALL_MS,
  servers,
  startAttacked,
  type AttackedGateway,
} from './attacked-gateway.ts';
import { rawTool, startHostile, type HostileServer, type RawLists } from './hostile-server.ts';

// CVE-2026-0621 (UriTemplate). The gateway compiles no schema, no pattern and no template of a server: what it does with
// them is as long as they are.

let server: HostileServer;
let gateway: AttackedGateway;
let inside: Server;
let connects = 0;

beforeAll(async () => {
  inside = createServer((_request, response) => response.end('{}'));
  inside.on('connection', () => (connects += 1));
  await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
  server = await startHostile({ tools: [rawTool('round_0')] });
  gateway = await startAttacked({
    config: { refreshIntervalMs: 1_000, mcpServers: servers({ s: server.url }) },
  });
  await waitUntil(async () => (await listed()).includes('round_0'), { describe: 'the first list' });
  // What a first call, and a first look at odd texts, load.
  await offer({ tools: [rawTool('harmless', { description: 'caf\u00e9 \u200b some_tool' })] });
  await sendModern(gateway.url, 'tools/call', { name: 's__harmless', arguments: {} });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  inside.closeAllConnections();
  inside.close();
});

const listed = async (): Promise<string> => (await sendModern(gateway.url, 'tools/list')).text;

let round = 0;
/** Offers something, and waits until it is listed and has been looked at. */
async function offer(lists: RawLists): Promise<void> {
  round += 1;
  const marker = `round_${round}`;
  server.lists = { ...lists, tools: [...(lists.tools ?? []), rawTool(marker)] };
  await waitUntil(async () => (await listed()).includes(marker), {
    timeoutMs: 20_000,
    describe: `${marker} is listed`,
  });
  // Texts are looked at in the background, once the list is served.
  await delay(300);
}

const inProperties = (schema: unknown): Readonly<Record<string, unknown>> => ({
  inputSchema: { type: 'object', properties: { x: schema } },
});

function nested(depth: number, wide: number): unknown {
  const leaf = { type: 'string' };
  const level = (left: number): unknown =>
    left === 0 ? leaf : { allOf: Array.from({ length: wide }, () => level(left - 1)) };
  return level(depth);
}

/** `$ref`s that name each level four times: the text is short, what it means is not. */
function referenceBomb(levels: number): Readonly<Record<string, unknown>> {
  const $defs = Object.fromEntries(
    Array.from({ length: levels }, (_, level) => [
      `l${level}`,
      level === 0
        ? { type: 'string' }
        : { allOf: Array.from({ length: 4 }, () => ({ $ref: `#/$defs/l${level - 1}` })) },
    ]),
  );
  return { inputSchema: { type: 'object', $defs, $ref: `#/$defs/l${levels - 1}` } };
}

const port = (): number => (inside.address() as AddressInfo).port;

const BOMBS: Readonly<Record<string, () => RawLists>> = {
  'patterns that a backtracking engine never ends': () => ({
    tools: ['^(a+)+$', '(x+x+)+y', '^(\\w+\\s?)*$', '(.*a){25}', '(?=(a+))a*b\\1'].map(
      (pattern, at) => rawTool(`pattern_${at}`, inProperties({ type: 'string', pattern })),
    ),
  }),
  'patternProperties of the same kind': () => ({
    tools: [
      rawTool('pp', { inputSchema: { type: 'object', patternProperties: { '^(a+)+$': {} } } }),
    ],
  }),
  'allOf four wide and six deep': () => ({
    tools: [rawTool('all', inProperties(nested(6, 4)))],
  }),
  'references that mean 4^14 schemas': () => ({ tools: [rawTool('refs', referenceBomb(15))] }),
  'a schema that refers to itself': () => ({
    tools: [rawTool('self', { inputSchema: { type: 'object', allOf: [{ $ref: '#' }] } })],
  }),
  '2,000 branches of anyOf in each of five tools': () => ({
    tools: Array.from({ length: 5 }, (_, at) =>
      rawTool(`any_${at}`, {
        inputSchema: { anyOf: Array.from({ length: 2_000 }, (_one, n) => ({ const: n })) },
      }),
    ),
  }),
  'a description of one word of 200,000 letters (quadratic in a scan for names)': () => ({
    tools: [rawTool('word', { description: 'a'.repeat(200_000) })],
  }),
  'a description of words with separators only': () => ({
    tools: [rawTool('dots', { description: `a${'.'.repeat(100_000)}${'a_'.repeat(50_000)}` })],
  }),
  'a description of joiners and selectors only': () => ({
    tools: [rawTool('zero', { description: '\u200d\ufe0f'.repeat(50_000) })],
  }),
  'names of marks that are quadratic to fold': () => ({
    tools: [0, 1].map((at) => rawTool(`a${'\u0301\u0316'.repeat(20_000)}${at}`)),
  }),
  'a tool of half a megabyte': () => ({
    tools: [rawTool('huge', { description: '\u00e9 '.repeat(150_000) })],
  }),
  'x-mcp-header a thousand times': () => ({
    tools: [
      rawTool('headers', {
        inputSchema: {
          type: 'object',
          properties: Object.fromEntries(
            Array.from({ length: 1_000 }, (_, n) => [
              `p${n}`,
              { type: 'string', 'x-mcp-header': `H${n}` },
            ]),
          ),
        },
      }),
    ],
  }),
  'templates of URIs that explode as patterns (CVE-2026-0621)': () => ({
    resourceTemplates: [
      'x://{+a*}{+b*}{+c*}{+d*}',
      'x://{a}{a}{a}{a}{a}!',
      `x://${'{/p*}'.repeat(200)}`,
    ].map((uriTemplate, at) => JSON.stringify({ uriTemplate, name: `t${at}` })),
  }),
};

test('S10: bombs of all kinds, from as many servers at once, hold nothing up', async () => {
  const bombs = Object.values(BOMBS).map((bomb) => bomb());
  const evil = await Promise.all(bombs.map(async () => await startHostile({ tools: [] })));
  const mcpServers = servers(
    Object.fromEntries(evil.map(({ url }, at) => [`bomb-${at}`, url] as const)),
  );
  await using crowd = await startAttacked({ config: { refreshIntervalMs: 1_000, mcpServers } });
  const shown = async (marker: string): Promise<void> =>
    await waitUntil(
      async () =>
        (await sendModern(crowd.url, 'tools/list')).text.split(marker).length > evil.length,
      { timeoutMs: 20_000, describe: `${marker} of every server` },
    );
  const harmless = rawTool('before', { description: 'caf\u00e9 \u200b some_tool' });
  for (const one of evil) one.lists = { tools: [harmless] };
  await shown('__before"');
  await delay(300);
  await crowd.probe();
  for (const [at, one] of evil.entries()) {
    const { tools = [], ...others } = bombs[at] ?? {};
    one.lists = { ...others, tools: [...tools, rawTool('after')] };
  }
  await shown('__after"');
  // Texts are looked at in the background, once the list is served.
  await delay(1_000);
  const { heldMs } = await crowd.probe();
  expect(heldMs, 'ms of one turn of the event loop').toBeLessThan(MAX_STALL_MS);
  await Promise.all(evil.map(async (one) => await one[Symbol.asyncDispose]()));
});

/** What the patterns above are slow for. */
const ARGUMENT = `${'a'.repeat(40)}!`;

test('S10: arguments that match a pattern for ever pass it unread', async () => {
  await offer({
    tools: [
      rawTool('slow', inProperties({ type: 'string', pattern: '^(a+)+$' })),
      rawTool('refs', referenceBomb(15)),
    ],
  });
  await gateway.probe();
  for (const name of ['s__slow', 's__refs']) {
    const args = { x: ARGUMENT, [ARGUMENT]: 1 };
    const { text } = await sendModern(gateway.url, 'tools/call', { name, arguments: args });
    expect(text).toContain('called');
  }
  expect(server.asked.at(-1)?.body).toContain(ARGUMENT);
  await expectNoStall(gateway);
});

test('S10: a URI that matches templates for ever is routed or refused at once (CVE-2026-0621)', async () => {
  await offer(BOMBS['templates of URIs that explode as patterns (CVE-2026-0621)']?.() ?? {});
  await gateway.probe();
  for (const uri of [
    `x://${'a/'.repeat(20_000)}`,
    `x://${'a'.repeat(40_000)}`,
    `x://${'{a}'.repeat(9_000)}`,
  ]) {
    const { status } = await sendModern(gateway.url, 'resources/read', { uri });
    // A header of that length is refused by the listener.
    expect(status).toBeLessThan(500);
  }
  const short = await sendModern(gateway.url, 'resources/read', {
    uri: `x://${'a'.repeat(4_000)}!`,
  });
  expect([200, 404, 400]).toContain(short.status);
  await expectNoStall(gateway);
});

test('S10: what schemas, icons and links refer to is never fetched (spec, tools: $ref)', async () => {
  const url = `http://127.0.0.1:${port()}/schema.json`;
  const icons = [{ src: url, mimeType: 'image/svg+xml' }];
  await offer({
    tools: [
      rawTool('ref', { inputSchema: { $ref: url }, icons }),
      rawTool('id', { inputSchema: { $id: url, $schema: url, type: 'object', $dynamicRef: url } }),
      rawTool('out', { outputSchema: { $ref: url }, _meta: { 'ui/resourceUri': url } }),
    ],
    resources: [JSON.stringify({ uri: url, name: 'link', icons })],
  });
  for (const name of ['s__ref', 's__id', 's__out']) {
    await sendModern(gateway.url, 'tools/call', { name, arguments: { x: url } });
  }
  await sendModern(gateway.url, 'resources/read', { uri: url });
  expect(connects).toBe(0);
});

/** How long something takes this thread. */
function msOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

type Schema = Readonly<Record<string, unknown>>;

/** Validates as simple validators do: whatever a schema says is looked at, references included. */
function looksAt(schema: Schema, root: Schema): number {
  const refs = (schema['allOf'] ?? (schema['$ref'] === undefined ? [] : [schema])) as Schema[];
  const $defs = root['$defs'] as Readonly<Record<string, Schema>>;
  const inner = refs.map(({ $ref }) => $defs[String($ref).replace('#/$defs/', '')] ?? {});
  return inner.reduce((sum, one) => sum + looksAt(one, root), 1);
}

test('S10 control: one that validates with these schemas stands still', () => {
  const pattern = new RegExp('^(a+)+$');
  expect(msOf(() => pattern.test(`${'a'.repeat(24)}!`))).toBeGreaterThan(MAX_STALL_MS);
  const bomb = referenceBomb(10)['inputSchema'] as Schema;
  expect(msOf(() => looksAt(bomb, bomb))).toBeGreaterThan(MAX_STALL_MS);
  const names = /[A-Za-z][A-Za-z0-9]*(?:[_.-]+[A-Za-z0-9]+)+|[a-z]+[A-Z][A-Za-z0-9]*/g;
  expect(msOf(() => [...'a'.repeat(24_000).matchAll(names)])).toBeGreaterThan(MAX_STALL_MS);
});
