import { comparable, comparableRefusal } from './comparable.ts';
import { asJson, canonical, type Json, type RawPeer } from './raw-peer.ts';
import type { ServerCase } from './server-cases.ts';

const LISTS = [
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
] as const;
const MAX_PAGES = 100;

/** One thing in which the two sides differ. */
export interface Difference {
  readonly label: string;
  readonly direct: string;
  readonly through: string;
}

/** All pages of a list, each item as text; `refused` when there is no such list. */
async function listAll(
  peer: RawPeer,
  method: string,
  key: string,
): Promise<readonly string[] | string> {
  const items: string[] = [];
  let cursor: unknown;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const params = cursor === undefined ? '' : `"cursor":${JSON.stringify(cursor)}`;
    const exchange = await peer.ask({ method, params });
    if (exchange.result === undefined) return comparableRefusal(exchange);
    const result = exchange.result as Json;
    items.push(...(result[key] as readonly unknown[]).map((item) => canonical(item)));
    cursor = result['nextCursor'];
    if (cursor === undefined) return items;
  }
  throw new Error(`${method} does not end`);
}

async function compareLists(direct: RawPeer, through: RawPeer): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const [method, key] of LISTS) {
    const left = await listAll(direct, method, key);
    const right = await listAll(through, method, key);
    // A list that the server does not have is an empty one at a gateway that may be asked for any.
    const isAbsent = typeof left === 'string' && Array.isArray(right) && right.length === 0;
    if (!isAbsent) {
      differences.push(...difference(method, JSON.stringify(left), JSON.stringify(right)));
    }
  }
  return differences;
}

/** Tasks of revision 2025-11-25 were an experiment that later revisions do not have: between eras they are left out. */
const NOT_RELAYED: ReadonlySet<string> = new Set(['tasks']);
/** The gateway notices a changed list by itself, so it may say that it tells of changes where the server does not. */
const ADDED = 'listChanged';

function helloText(hello: Json, key: string): string {
  const value = hello[key] ?? null;
  if (key !== 'capabilities' || value === null) return canonical(value);
  const kept = Object.entries(asJson(value))
    .filter(([capability]) => !NOT_RELAYED.has(capability))
    .map(([capability, features]) => {
      const own = Object.entries(asJson(features)).filter(([feature]) => feature !== ADDED);
      return [capability, Object.fromEntries(own)];
    });
  return canonical(Object.fromEntries(kept));
}

const AROUND = 200;

/** Both texts from shortly before where they differ. */
function difference(label: string, direct: string, through: string): Difference[] {
  if (direct === through) return [];
  let at = 0;
  while (direct[at] === through[at]) at += 1;
  const cut = (text: string): string =>
    `${text.length} characters, at ${at}: ${text.slice(Math.max(0, at - AROUND), at + AROUND)}`;
  return [{ label, direct: cut(direct), through: cut(through) }];
}

/** What the handshake says that is not the gateway's own to say. */
function compareHello(direct: RawPeer, through: RawPeer, bridged: boolean): Difference[] {
  const versions = bridged ? [] : ['protocolVersion', 'supportedVersions'];
  return ['capabilities', 'instructions', ...versions].flatMap((key) =>
    difference(`hello ${key}`, helloText(direct.hello, key), helloText(through.hello, key)),
  );
}

export interface CompareOptions {
  readonly cases: readonly ServerCase[];
  /** The two sides speak different eras. Default false. */
  readonly bridged?: boolean;
}

/** Sends every request to both, one after the other, and tells where the answers differ. */
export async function compareServer(
  direct: RawPeer,
  through: RawPeer,
  { cases, bridged = false }: CompareOptions,
): Promise<Difference[]> {
  const differences = [
    ...compareHello(direct, through, bridged),
    ...(await compareLists(direct, through)),
  ];
  for (const { label, request, compare } of cases) {
    const text = compare === 'refusal' ? comparableRefusal : comparable;
    const left = text(await direct.ask(request), bridged);
    const right = text(await through.ask(request), bridged);
    differences.push(...difference(label, left, right));
  }
  return differences;
}
