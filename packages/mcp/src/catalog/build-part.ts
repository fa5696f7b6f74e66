import { LIST_KINDS, type ListKind } from '../protocol/list-kind.ts';
import type { CatalogView, ListBody, Route } from './catalog.ts';
import { perRequestBody, pieceOf, prebuiltBody, type ListedItem } from './list-body.ts';
import type { CatalogSource } from './source.ts';
import { exposedName } from './tool-name.ts';

export interface BuildOptions {
  /** Between connector id and name on the shared endpoint. Default `__`. */
  readonly separator: string;
  /** False serialises lists per request (`MCP_LIST_PREBUILT`). */
  readonly prebuilt: boolean;
}

/** What one connector adds to a catalog; kept as long as its manifest and target stay the same. */
export interface CatalogPart<T> {
  readonly source: CatalogSource<T>;
  /** As the shared endpoint shows it. */
  readonly listed: Readonly<Record<ListKind, readonly ListedItem[]>>;
  /** `listed` as bytes; empty when lists are not prebuilt. */
  readonly pieces: Readonly<Record<ListKind, Buffer>>;
  /** By the connector's own names, without contributions. */
  readonly view: CatalogView<T>;
}

const RENAMED: ReadonlySet<ListKind> = new Set<ListKind>(['tools', 'prompts']);

/** The literal beginning of a URI template. */
export function templatePrefix(uriTemplate: string): string {
  const brace = uriTemplate.indexOf('{');
  return brace === -1 ? uriTemplate : uriTemplate.slice(0, brace);
}

function routesOf<T>(kind: ListKind, source: CatalogSource<T>): Map<string, Route<T>> {
  const { connectorId, target, manifest } = source;
  return new Map(
    manifest.lists[kind].map((item) => [item.id, { connectorId, upstreamName: item.id, target }]),
  );
}

function ownBody<T>(kind: ListKind, source: CatalogSource<T>, options: BuildOptions): ListBody {
  const items = source.manifest.lists[kind].map((item) => ({ item, name: item.id }));
  return options.prebuilt
    ? prebuiltBody(kind, [pieceOf(items)], items.length)
    : perRequestBody(kind, items);
}

/** Longest first, so that the first match is the closest. */
export function byLength(a: { readonly prefix: string }, b: { readonly prefix: string }): number {
  return b.prefix.length - a.prefix.length;
}

function ownView<T>(source: CatalogSource<T>, options: BuildOptions): CatalogView<T> {
  const { connectorId, target, manifest } = source;
  return {
    lists: {
      tools: ownBody('tools', source, options),
      prompts: ownBody('prompts', source, options),
      resources: ownBody('resources', source, options),
      resourceTemplates: ownBody('resourceTemplates', source, options),
    },
    tools: routesOf('tools', source),
    prompts: routesOf('prompts', source),
    resources: routesOf('resources', source),
    templates: manifest.lists.resourceTemplates
      .map(({ id }) => ({
        prefix: templatePrefix(id),
        route: { connectorId, upstreamName: id, target },
      }))
      .toSorted(byLength),
    contributions: [],
    info: manifest.info,
  };
}

/** Works out one connector's part. Pauses after each list. */
export function* buildPart<T>(
  source: CatalogSource<T>,
  options: BuildOptions,
): Generator<void, CatalogPart<T>, void> {
  const listed: Partial<Record<ListKind, readonly ListedItem[]>> = {};
  const pieces: Partial<Record<ListKind, Buffer>> = {};
  for (const kind of LIST_KINDS) {
    const items = source.manifest.lists[kind].map((item) => ({
      item,
      name: RENAMED.has(kind)
        ? exposedName(source.connectorId, item.id, options.separator)
        : item.id,
    }));
    listed[kind] = items;
    pieces[kind] = options.prebuilt ? pieceOf(items) : Buffer.alloc(0);
    yield;
  }
  const { tools = [], prompts = [], resources = [], resourceTemplates = [] } = listed;
  const none = Buffer.alloc(0);
  return {
    source,
    listed: { tools, prompts, resources, resourceTemplates },
    pieces: {
      tools: pieces.tools ?? none,
      prompts: pieces.prompts ?? none,
      resources: pieces.resources ?? none,
      resourceTemplates: pieces.resourceTemplates ?? none,
    },
    view: ownView(source, options),
  };
}
