import type { ListKind } from '../protocol/list-kind.ts';
import { findMember, objectMembers, replaceSpan } from '../protocol/json-scan.ts';
import { legacyToolText } from '../protocol/legacy-tool.ts';
import { readHeaderParams } from '../protocol/param-header.ts';
import { atOnce } from './at-once.ts';
import {
  EMPTY_VIEW,
  type CatalogView,
  type ListBody,
  type Route,
  type TemplateRoute,
} from './catalog.ts';
import { lateBody, perRequestBody, prebuiltBody } from './list-body.ts';
import {
  ITEM_LENGTH,
  NO_PIECE,
  pieceOf,
  STEP_LENGTH,
  type ListedGroup,
  type ListedItem,
} from './listed-item.ts';
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
  /** As the shared endpoint shows it, if nobody else has the same names. */
  readonly groups: Readonly<Record<ListKind, ListedGroup>>;
  /** By the connector's own names. */
  readonly routes: Readonly<Record<ListKind, ReadonlyMap<string, Route<T>>>>;
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
function routeOf<T>(
  kind: ListKind,
  { item, legacyText }: ListedItem,
  { connectorId, target }: CatalogSource<T>,
): Route<T> {
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
  const wrapsOutput = legacyText !== undefined;
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
    const { connectorId } = source;
    if (!options.prebuilt) return perRequestBody(kind, [{ connectorId, items, piece: NO_PIECE }]);
    return atOnce(prebuiltBody(kind, [{ connectorId, items, piece: atOnce(pieceOf(items)) }]));
  });
}

/** Longest first, so that the first match is the closest. */
export function byLength(a: { readonly prefix: string }, b: { readonly prefix: string }): number {
  return b.prefix.length - a.prefix.length;
}

/** What is worked out of one list. */
interface PartList<T> {
  readonly group: ListedGroup;
  readonly routes: ReadonlyMap<string, Route<T>>;
}

/** Works out one list of a connector. Pauses between items. */
function* buildList<T>(
  kind: ListKind,
  source: CatalogSource<T>,
  options: BuildOptions,
): Generator<void, PartList<T>, void> {
  const { connectorId, manifest } = source;
  const items: ListedItem[] = [];
  const routes = new Map<string, Route<T>>();
  let sinceStep = 0;
  for (const item of manifest.lists[kind]) {
    const name = RENAMED.has(kind) ? exposedName(connectorId, item.id, options.separator) : item.id;
    const listed = listedItem(kind, item, name, source);
    items.push(listed);
    routes.set(item.id, routeOf(kind, listed, source));
    // Each item is read for what it says of its arguments.
    sinceStep += item.text.length + ITEM_LENGTH;
    if (sinceStep < STEP_LENGTH) continue;
    sinceStep = 0;
    yield;
  }
  const piece = options.prebuilt ? yield* pieceOf(items) : NO_PIECE;
  return { group: { connectorId, items, piece }, routes };
}

const NO_ROUTES: ReadonlyMap<string, never> = new Map<string, never>();

/** Most connectors offer tools only. */
function emptyList<T>({ connectorId }: CatalogSource<T>): PartList<T> {
  return { group: { connectorId, items: [], piece: NO_PIECE }, routes: NO_ROUTES };
}

/** Whether two lists show the same and may be called alike. */
function sameItems(a: readonly ManifestItem[], b: readonly ManifestItem[]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every(
        ({ text, quarantine }, index) =>
          text === b[index]?.text && quarantine === b[index].quarantine,
      ))
  );
}

/** What an earlier part knows of a list that has not changed. */
function knownList<T>(
  kind: ListKind,
  { manifest, target }: CatalogSource<T>,
  old: CatalogPart<T> | undefined,
): PartList<T> | undefined {
  if (old === undefined || old.source.target !== target) return undefined;
  const before = old.source.manifest;
  const same =
    before.info.era === manifest.info.era && sameItems(before.lists[kind], manifest.lists[kind]);
  return same ? { group: old.groups[kind], routes: old.routes[kind] } : undefined;
}

function templatesOf<T>(routes: ReadonlyMap<string, Route<T>>): readonly TemplateRoute<T>[] {
  return Array.from(routes, ([template, route]) => ({
    prefix: templatePrefix(template),
    template,
    namespaced: false,
    route,
  })).toSorted(byLength);
}

/**
 * Works out one connector's part. Lists that are as they were in the part before are taken over, for as long as calls go
 * the same way. Pauses between items.
 */
export function* buildPart<T>(
  source: CatalogSource<T>,
  old: CatalogPart<T> | undefined,
  options: BuildOptions,
): Generator<void, CatalogPart<T>, void> {
  const list = function* (kind: ListKind): Generator<void, PartList<T>, void> {
    const known = knownList(kind, source, old);
    if (known !== undefined) return known;
    const isEmpty = source.manifest.lists[kind].length === 0;
    return isEmpty ? emptyList(source) : yield* buildList(kind, source, options);
  };
  const tools = yield* list('tools');
  const prompts = yield* list('prompts');
  const resources = yield* list('resources');
  const resourceTemplates = yield* list('resourceTemplates');
  const { connectorId, target, manifest } = source;
  const view: CatalogView<T> = {
    ...EMPTY_VIEW,
    lists: {
      tools: ownBody('tools', source, options),
      prompts: ownBody('prompts', source, options),
      resources: ownBody('resources', source, options),
      resourceTemplates: ownBody('resourceTemplates', source, options),
    },
    tools: tools.routes,
    prompts: prompts.routes,
    resources: resources.routes,
    templates:
      old?.routes.resourceTemplates === resourceTemplates.routes
        ? old.view.templates
        : templatesOf(resourceTemplates.routes),
    info: manifest.info,
    servers: [{ connectorId, info: manifest.info, target }],
  };
  return {
    source,
    groups: {
      tools: tools.group,
      prompts: prompts.group,
      resources: resources.group,
      resourceTemplates: resourceTemplates.group,
    },
    routes: {
      tools: tools.routes,
      prompts: prompts.routes,
      resources: resources.routes,
      resourceTemplates: resourceTemplates.routes,
    },
    view,
  };
}
