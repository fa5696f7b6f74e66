import type { ListKind } from '../protocol/list-kind.ts';
import type { BuildOptions, CatalogPart } from './build-part.ts';
import type { ListBody, Route } from './catalog.ts';
import { perRequestBody, prebuiltBody } from './list-body.ts';
import { NO_PIECE, pieceOf, type ListedGroup, type ListedItem } from './listed-item.ts';
import { namespacedUri } from './resource-uri.ts';

/** One list of the shared endpoint, with what the next build can take over from it. */
export interface KindBuild<T> {
  /** As the connectors' parts have them. */
  readonly groups: readonly ListedGroup[];
  /** Of connectors that lost a name to another: what is shown of them. */
  readonly clashing: ReadonlyMap<string, ListedGroup>;
  readonly routes: ReadonlyMap<string, Route<T>>;
  readonly body: ListBody;
  /** Names that clash, one sentence each. */
  readonly warnings: readonly string[];
}

/** Their items are told apart by their path when two connectors have the same. */
const RENAMED_BY_PATH: ReadonlySet<ListKind> = new Set<ListKind>([
  'resources',
  'resourceTemplates',
]);

/** Sentences on clashes that are kept. */
export const MAX_WARNINGS = 100;
/** Connectors that are gone through between two pauses: a step is far shorter than a slice. */
export const STEP_CONNECTORS = 32;

/** Items that get their routes between two pauses. */
const STEP_ITEMS = 256;

interface Merge<T> {
  readonly kind: ListKind;
  readonly routes: Map<string, Route<T>>;
  readonly warnings: string[];
  /** Every connector that lost a name to another. */
  readonly clashes: Set<string>;
  /** What is offered under no connector's name, as two have it. */
  readonly refused: Set<string>;
}

/**
 * Puts one list together from all connectors' parts, which come ordered by id. The list before is taken over whole when
 * nothing of it changed. Pauses on the way.
 */
export function* buildKind<T>(
  kind: ListKind,
  parts: readonly CatalogPart<T>[],
  previous: KindBuild<T> | undefined,
  options: BuildOptions,
): Generator<void, KindBuild<T>, void> {
  const offering = parts.filter(({ groups }) => groups[kind].items.length > 0);
  const groups = offering.map((part) => part.groups[kind]);
  yield;
  if (previous !== undefined && sameGroups(previous.groups, groups)) return previous;
  const merge = yield* mergeParts(kind, offering);
  const clashing = new Map<string, ListedGroup>();
  for (const connectorId of merge.clashes) {
    const group = groups.find((one) => one.connectorId === connectorId);
    if (group === undefined) continue;
    const known = previous?.clashing.get(connectorId);
    clashing.set(connectorId, yield* shownOf(group, merge, known, options));
    yield;
  }
  const shown = groups.map((group) => clashing.get(group.connectorId) ?? group);
  const body = options.prebuilt ? yield* prebuiltBody(kind, shown) : perRequestBody(kind, shown);
  yield;
  return { groups, clashing, routes: merge.routes, body, warnings: merge.warnings };
}

function sameGroups(a: readonly ListedGroup[], b: readonly ListedGroup[]): boolean {
  return a.length === b.length && a.every((group, index) => group === b[index]);
}

function* mergeParts<T>(
  kind: ListKind,
  parts: readonly CatalogPart<T>[],
): Generator<void, Merge<T>, void> {
  const merge: Merge<T> = {
    kind,
    routes: new Map(),
    warnings: [],
    clashes: new Set(),
    refused: new Set(),
  };
  let sinceStep = 0;
  for (const part of parts) {
    addRoutes(part, merge);
    sinceStep += part.groups[kind].items.length;
    if (sinceStep < STEP_ITEMS) continue;
    sinceStep = 0;
    yield;
  }
  return merge;
}

function addRoutes<T>(part: CatalogPart<T>, merge: Merge<T>): void {
  const { kind, routes, refused } = merge;
  const own = part.routes[kind];
  for (const { item, name } of part.groups[kind].items) {
    const route = own.get(item.id);
    if (route === undefined) continue;
    const taken = routes.get(name);
    if (taken === undefined && (refused.size === 0 || !refused.has(name))) routes.set(name, route);
    else if (RENAMED_BY_PATH.has(kind)) renameSecond(name, { taken, route }, merge);
    else refuseBoth(name, { taken, route }, merge);
  }
}

interface Clash<T> {
  readonly taken: Route<T> | undefined;
  readonly route: Route<T>;
}

/** The first connector keeps the name; the other's item is shown with its id in the path, where that is free. */
function renameSecond<T>(name: string, { taken, route }: Clash<T>, merge: Merge<T>): void {
  const { kind, routes, clashes } = merge;
  const { connectorId } = route;
  clashes.add(connectorId);
  if (taken === undefined) return;
  const other = namespacedUri(name, connectorId);
  const free = other !== undefined && !routes.has(other);
  if (free) routes.set(other, route);
  const way = free ? `${other} is the other` : `reach the other at /mcp/${connectorId}`;
  const clash = `${kind}: ${JSON.stringify(name)} of ${connectorId} is also offered by`;
  warn(merge, `${clash} ${taken.connectorId}, which keeps it; ${way}`);
}

/** A name that leads to two tools leads to none: neither may take the other's calls (S11). */
function refuseBoth<T>(name: string, { taken, route }: Clash<T>, merge: Merge<T>): void {
  const { kind, routes, clashes, refused } = merge;
  const { connectorId } = route;
  clashes.add(connectorId);
  refused.add(name);
  routes.delete(name);
  if (taken !== undefined) clashes.add(taken.connectorId);
  const others = taken === undefined ? 'others' : taken.connectorId;
  warn(
    merge,
    `${kind}: ${JSON.stringify(name)} would be an item of ${connectorId} and one of ${others}: neither is offered there; reach them at /mcp/{connector}`,
  );
}

function warn({ warnings }: Merge<unknown>, warning: string): void {
  if (warnings.length < MAX_WARNINGS) warnings.push(warning);
}

/** What the shared endpoint shows of a connector that lost a name: serialised anew only if it is not as it was. */
function* shownOf<T>(
  group: ListedGroup,
  { kind, routes }: Merge<T>,
  known: ListedGroup | undefined,
  options: BuildOptions,
): Generator<void, ListedGroup, void> {
  const { connectorId } = group;
  const items = group.items.flatMap((listed): ListedItem | readonly ListedItem[] => {
    const leadsHere = (name: string | undefined): boolean => {
      const route = name === undefined ? undefined : routes.get(name);
      return route?.connectorId === connectorId && route.upstreamName === listed.item.id;
    };
    if (leadsHere(listed.name)) return listed;
    const other = RENAMED_BY_PATH.has(kind) ? namespacedUri(listed.name, connectorId) : undefined;
    return other !== undefined && leadsHere(other) ? { ...listed, name: other } : [];
  });
  if (known !== undefined && sameListed(known.items, items)) return known;
  return { connectorId, items, piece: options.prebuilt ? yield* pieceOf(items) : NO_PIECE };
}

function sameListed(a: readonly ListedItem[], b: readonly ListedItem[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ item, name, legacyText }, index) => {
      const other = b[index];
      return item === other?.item && name === other.name && legacyText === other.legacyText;
    })
  );
}
