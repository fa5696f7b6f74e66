import { buildCatalog, type CatalogBuild } from '../../src/catalog/build-catalog.ts';
import type { CatalogSource } from '../../src/catalog/source.ts';
import type { ManifestItem } from '../../src/connectors/manifest.ts';
import { byteText } from '../../src/protocol/byte-scan.ts';
import { afterValue } from '../../src/protocol/byte-value.ts';
import { containerScan } from '../../src/protocol/container-scan.ts';
import { parseMessage } from '../../src/protocol/json-rpc.ts';
import { nestsDeeper, objectMembers } from '../../src/protocol/json-scan.ts';
import { AnswerScan } from '../../src/upstream/streamable-http/answer-scan.ts';
import { callTemplate, payloadJson, toolResultJson, type PayloadShape } from './message-bytes.ts';

/** Something small that is done often. */
export interface MicroSubject {
  readonly name: string;
  /** Returns something, so that nothing is optimised away. */
  readonly work: () => unknown;
}

const BODIES: readonly (readonly [name: string, bytes: number, shape: PayloadShape])[] = [
  ['0.5 KB', 200, 'string'],
  ['10 KB of many values', 10_240, 'many'],
  ['1 MB of one text', 1_048_576, 'string'],
  ['1 MB of many values', 1_048_576, 'many'],
];

function requestSubjects(): readonly MicroSubject[] {
  return BODIES.flatMap(([name, bytes, shape]) => {
    const { tail } = callTemplate('modern', 'server-000__r512', payloadJson(bytes, shape));
    const text = `{"jsonrpc":"2.0","id":1000000${tail}`;
    return [
      { name: `JSON.parse, ${name}`, work: () => JSON.parse(text) as unknown },
      { name: `parseMessage, ${name}`, work: () => parseMessage(text) },
      { name: `nestsDeeper, ${name}`, work: () => nestsDeeper(text, 1_000) },
      { name: `objectMembers, ${name}`, work: () => objectMembers(text, 0, 64, 1_000).length },
    ];
  });
}

/** Where a large value of a body ends, with and without WebAssembly. */
function scanSubjects(): readonly MicroSubject[] {
  const lines = JSON.stringify({ text: 'const some = "line of code";\n'.repeat(32_000) });
  const texts = BODIES.slice(1).map(
    ([name, bytes, shape]) => [name, payloadJson(bytes, shape)] as const,
  );
  return [...texts, ['1 MB of lines of code', lines] as const].flatMap(([name, text]) => {
    const bytes = Buffer.from(text);
    return [
      { name: `afterValue, ${name}`, work: () => afterValue(byteText(bytes), 0, 64) },
      {
        name: `afterValue in WebAssembly, ${name}`,
        work: () => afterValue(byteText(bytes, containerScan(bytes)), 0, 64),
      },
    ];
  });
}

function answerSubjects(): readonly MicroSubject[] {
  return (['r512', 'r10240', 'r1048576', 'm1048576'] as const).map((tool) => {
    const result = toolResultJson(tool, 'modern');
    const bytes = Buffer.from(`{"jsonrpc":"2.0","id":7,"result":${result}}`);
    return {
      name: `AnswerScan, ${tool}`,
      work: () => {
        const scan = new AnswerScan(7);
        scan.feed(bytes);
        return scan.end();
      },
    };
  });
}

function itemOf(name: string): ManifestItem {
  const text = JSON.stringify({
    name,
    description: `Does what ${name} says, with a description of about the usual length`,
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  });
  return {
    id: name,
    text,
    idSpan: { key: 'name', start: 8, end: 8 + JSON.stringify(name).length },
  };
}

/** A manifest of so many tools, as a connector would have it. */
function sourceOf(index: number, tools: number): CatalogSource<string> {
  const connectorId = `server-${String(index).padStart(3, '0')}`;
  const hint = { ttlMs: 3_600_000, cacheScope: 'public' } as const;
  const manifest = {
    info: {
      era: 'modern',
      protocolVersion: '2026-07-28',
      capabilities: { tools: {} },
      serverInfo: { name: connectorId, version: '1' },
      instructions: undefined,
    },
    lists: {
      tools: Array.from({ length: tools }, (_, tool) => itemOf(`tool_${tool}`)),
      prompts: [],
      resources: [],
      resourceTemplates: [],
    },
    hint,
    digest: '',
    warnings: [],
  } as const;
  return { connectorId, manifest, receivedAtMs: 0, hint, target: connectorId };
}

function built(
  sources: readonly CatalogSource<string>[],
  previous: CatalogBuild<string> | undefined,
): CatalogBuild<string> {
  const work = buildCatalog(sources, previous, { separator: '__', prebuilt: true });
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

function catalogSubjects(): readonly MicroSubject[] {
  const sources = Array.from({ length: 100 }, (_, index) => sourceOf(index, 100));
  const first = built(sources, undefined);
  const [changed, ...others] = sources;
  const next = changed === undefined ? others : [{ ...sourceOf(0, 100) }, ...others];
  return [
    { name: 'catalog of 100 × 100 tools, from nothing', work: () => built(sources, undefined) },
    { name: 'catalog of 100 × 100 tools, one connector changed', work: () => built(next, first) },
  ];
}

export function microSubjects(): readonly MicroSubject[] {
  return [...requestSubjects(), ...scanSubjects(), ...answerSubjects(), ...catalogSubjects()];
}
