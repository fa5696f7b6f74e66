import { atOnce } from '../../src/catalog/at-once.ts';
import { buildCatalog, type CatalogBuild } from '../../src/catalog/build-catalog.ts';
import type { CatalogSource } from '../../src/catalog/source.ts';
import type { Manifest, ManifestItem } from '../../src/connectors/manifest.ts';
import type { Era } from '../../src/protocol/revision.ts';
import { findMember, objectMembers } from '../../src/protocol/json-scan.ts';

export const OPTIONS = { separator: '__', prebuilt: true } as const;

export function itemOf(text: string, key = 'name'): ManifestItem {
  const idSpan = findMember(objectMembers(text), key);
  if (idSpan === undefined) throw new Error(`${text} has no ${key}`);
  return { id: String(JSON.parse(text.slice(idSpan.start, idSpan.end))), text, idSpan };
}

/** A tool as they are: half a kilobyte, with a schema. */
export function toolText(name: string, version = 'first'): string {
  return JSON.stringify({
    name,
    description: `Does the ${version} thing that a tool does. `.repeat(6),
    inputSchema: {
      type: 'object',
      properties: {
        path: { type: 'string', description: 'where it is' },
        depth: { type: 'integer' },
        recursive: { type: 'boolean' },
      },
      required: ['path'],
    },
  });
}

export interface Offer {
  readonly tools?: readonly string[];
  readonly prompts?: readonly string[];
  readonly resources?: readonly string[];
  readonly templates?: readonly string[];
  readonly era?: Era;
  readonly ttlMs?: number;
}

/** A connector that offers items by their raw texts, its resources and templates by their URIs. */
export function sourceOf(connectorId: string, offer: Offer): CatalogSource<string> {
  const hint = { ttlMs: offer.ttlMs ?? 1000, cacheScope: 'public' } as const;
  const manifest: Manifest = {
    info: {
      era: offer.era ?? 'modern',
      protocolVersion: '2026-07-28',
      capabilities: { tools: {} },
      serverInfo: { name: connectorId, version: '1' },
      instructions: undefined,
    },
    lists: {
      tools: (offer.tools ?? []).map((text) => itemOf(text)),
      prompts: (offer.prompts ?? []).map((text) => itemOf(text)),
      resources: (offer.resources ?? []).map((uri) => itemOf(JSON.stringify({ uri }), 'uri')),
      resourceTemplates: (offer.templates ?? []).map((uriTemplate) =>
        itemOf(JSON.stringify({ uriTemplate }), 'uriTemplate'),
      ),
    },
    hint,
    digest: '',
    warnings: [],
  };
  return { connectorId, manifest, receivedAtMs: 0, hint, target: `way to ${connectorId}` };
}

/** Connectors `c0000`, `c0001` … with tools `tool_0`, `tool_1` …. */
export function fleetOf(connectors: number, tools: number): readonly CatalogSource<string>[] {
  return Array.from({ length: connectors }, (_, index) =>
    sourceOf(`c${String(index).padStart(4, '0')}`, {
      tools: Array.from({ length: tools }, (__, tool) => toolText(`tool_${tool}`)),
    }),
  );
}

export function build(
  sources: readonly CatalogSource<string>[],
  previous?: CatalogBuild<string>,
): CatalogBuild<string> {
  return atOnce(buildCatalog(sources, previous, OPTIONS));
}

/** The names that stand in the end of a list's answer. */
export function namesIn(bytes: Buffer): readonly string[] {
  const { result } = JSON.parse(`{"result":{${bytes.toString()}`) as {
    result: Record<string, readonly { name?: string; uri?: string; uriTemplate?: string }[]>;
  };
  return Object.values(result).flatMap((items) =>
    items.map(({ name, uri, uriTemplate }) => name ?? uri ?? uriTemplate ?? ''),
  );
}
