import { LIST_KINDS, type ListKind } from '../protocol/list-kind.ts';
import type { CatalogView, ListBody, Route } from './catalog.ts';
import { findMember, objectMembers, replaceSpan } from '../protocol/json-scan.ts';
import { legacyToolText } from '../protocol/legacy-tool.ts';
import { readHeaderParams } from '../protocol/param-header.ts';
import {
  lateBody,
  NO_PIECE,
  perRequestBody,
  pieceOf,
  prebuiltBody,
  type ListedItem,
  type Piece,
} from './list-body.ts';
import type { CatalogSource, ManifestItem } from './source.ts';
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
  readonly pieces: Readonly<Record<ListKind, Piece>>;
  /** By the connector's own names, without contributions. */
  readonly view: CatalogView<T>;
}

const RENAMED: ReadonlySet<ListKind> = new Set<ListKind>(['tools', 'prompts']);

/** The literal beginning of a URI template. */
export function templatePrefix(uriTemplate: string): string {
  const brace = uriTemplate.indexOf('{');
  return brace === -1 ? uriTemplate : uriTemplate.slice(0, brace);
}

/** Where a call of an item goes. */
function routeOf<T>(kind: ListKind, item: ManifestItem, source: CatalogSource<T>): Route<T> {
  const { connectorId, target, manifest } = source;
  if (kind !== 'tools') return { connectorId, upstreamName: item.id, target };
  const { quarantine } = item;
  const route = {
    connectorId,
    upstreamName: item.id,
    target,
    definition: item,
    ...(quarantine && { quarantine }),
  };
  // Whatever server a tool is of, towards modern clients we are the one that must compare.
  const headers = readHeaderParams(item.text);
  const params = headers.kind === 'valid' ? headers.params : [];
  const wrapsOutput =
    manifest.info.era === 'modern' && mayWrap(item.text) && legacyToolText(item.text) !== undefined;
  if (params.length === 0 && !wrapsOutput) return route;
  return {
    ...route,
    ...(params.length > 0 && { headerParams: params }),
    ...(wrapsOutput && { wrapsOutput }),
  };
}

/** Most tools have no output schema; looking for one costs more than this. */
function mayWrap(text: string): boolean {
  return text.includes('"outputSchema"');
}

function routesOf<T>(kind: ListKind, source: CatalogSource<T>): Map<string, Route<T>> {
  return new Map(source.manifest.lists[kind].map((item) => [item.id, routeOf(kind, item, source)]));
}

/** An item as an endpoint lists it. */
function listedItem<T>(
  kind: ListKind,
  item: ManifestItem,
  name: string,
  { manifest }: CatalogSource<T>,
): ListedItem {
  if (kind !== 'tools' || manifest.info.era === 'legacy' || !mayWrap(item.text)) {
    return { item, name };
  }
  const text = legacyToolText(item.text);
  if (text === undefined || name === item.id) return { item, name, legacyText: text };
  const span = findMember(objectMembers(text), 'name');
  return { item, name, legacyText: span && replaceSpan(text, span, JSON.stringify(name)) };
}

/** Few clients use the endpoint of one connector: its lists cost nothing before they do. */
function ownBody<T>(kind: ListKind, source: CatalogSource<T>, options: BuildOptions): ListBody {
  const own = source.manifest.lists[kind];
  return lateBody(own.length, () => {
    const items = own.map((item) => listedItem(kind, item, item.id, source));
    const groups = [{ connectorId: source.connectorId, items }];
    return options.prebuilt
      ? prebuiltBody(kind, [pieceOf(items)], groups)
      : perRequestBody(kind, groups);
  });
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
        template: id,
        namespaced: false,
        route: { connectorId, upstreamName: id, target },
      }))
      .toSorted(byLength),
    contributions: [],
    info: manifest.info,
    servers: [{ connectorId, info: manifest.info, target }],
  };
}

/** Works out one connector's part. Pauses after each list. */
export function* buildPart<T>(
  source: CatalogSource<T>,
  options: BuildOptions,
): Generator<void, CatalogPart<T>, void> {
  const listed: Partial<Record<ListKind, readonly ListedItem[]>> = {};
  const pieces: Partial<Record<ListKind, Piece>> = {};
  for (const kind of LIST_KINDS) {
    const items = source.manifest.lists[kind].map((item) => {
      const name = RENAMED.has(kind)
        ? exposedName(source.connectorId, item.id, options.separator)
        : item.id;
      return listedItem(kind, item, name, source);
    });
    listed[kind] = items;
    pieces[kind] = options.prebuilt ? pieceOf(items) : NO_PIECE;
    yield;
  }
  const { tools = [], prompts = [], resources = [], resourceTemplates = [] } = listed;
  return {
    source,
    listed: { tools, prompts, resources, resourceTemplates },
    pieces: {
      tools: pieces.tools ?? NO_PIECE,
      prompts: pieces.prompts ?? NO_PIECE,
      resources: pieces.resources ?? NO_PIECE,
      resourceTemplates: pieces.resourceTemplates ?? NO_PIECE,
    },
    view: ownView(source, options),
  };
}
