import { LIST_KINDS, type ListKind } from '../protocol/list-kind.ts';
import {
  buildPart,
  byLength,
  templatePrefix,
  type BuildOptions,
  type CatalogPart,
} from './build-part.ts';
import type { Catalog, CatalogView, ListBody, Route, TemplateRoute } from './catalog.ts';
import type { CatalogChange } from './catalog-change.ts';
import { perRequestBody, pieceOf, prebuiltBody, type ListedItem, type Piece } from './list-body.ts';
import { namespacedUri } from './resource-uri.ts';
import type { CatalogSource } from './source.ts';

/** A catalog with what the next build can take over from it. */
export interface CatalogBuild<T> {
  readonly catalog: Catalog<T>;
  readonly parts: ReadonlyMap<string, CatalogPart<T>>;
  readonly change: CatalogChange;
}

/** Their items are told apart by their path when two connectors have the same. */
const RENAMED_BY_PATH: ReadonlySet<ListKind> = new Set<ListKind>([
  'resources',
  'resourceTemplates',
]);

/** Sentences on clashes that are kept. */
const MAX_WARNINGS = 100;

interface Merge<T> {
  readonly tools: Map<string, Route<T>>;
  readonly prompts: Map<string, Route<T>>;
  readonly resources: Map<string, Route<T>>;
  readonly templates: Map<string, Route<T>>;
  readonly warnings: string[];
  /** `kind:id` of every part that lost a name to another. */
  readonly clashes: Set<string>;
  /** `kind:name` of what is offered under no connector's, as two have it. */
  readonly refused: Set<string>;
}

/**
 * Builds the next catalog from the manifests that may be served. Parts of connectors whose manifest and
 * target are the same objects as before are taken over, so a change costs what changed. Deterministic: connectors
 * are ordered by id. Pauses between steps; run it in slices.
 */
export function* buildCatalog<T>(
  sources: readonly CatalogSource<T>[],
  previous: CatalogBuild<T> | undefined,
  options: BuildOptions,
): Generator<void, CatalogBuild<T>, void> {
  const ordered = sources.toSorted((a, b) => (a.connectorId < b.connectorId ? -1 : 1));
  const parts = new Map<string, CatalogPart<T>>();
  for (const source of ordered) {
    const old = previous?.parts.get(source.connectorId);
    const same = old?.source.manifest === source.manifest && old.source.target === source.target;
    const part = old !== undefined && same ? old : yield* buildPart(source, options);
    parts.set(source.connectorId, part);
    yield;
  }
  const merged = yield* mergeParts(parts);
  const contributions = ordered.map(({ connectorId, receivedAtMs, hint }) => ({
    connectorId,
    receivedAtMs,
    hint,
  }));
  const catalog: Catalog<T> = {
    generation: (previous?.catalog.generation ?? 0) + 1,
    all: { ...allView(parts, merged, options), contributions },
    connectors: new Map(
      contributions.flatMap((contribution) => {
        const part = parts.get(contribution.connectorId);
        const view = part && { ...part.view, contributions: [contribution] };
        return view ? [[contribution.connectorId, view]] : [];
      }),
    ),
    warnings: merged.warnings,
  };
  return { catalog, parts, change: changeBetween(previous, parts) };
}

function* mergeParts<T>(
  parts: ReadonlyMap<string, CatalogPart<T>>,
): Generator<void, Merge<T>, void> {
  const merge: Merge<T> = {
    tools: new Map(),
    prompts: new Map(),
    resources: new Map(),
    templates: new Map(),
    warnings: [],
    clashes: new Set(),
    refused: new Set(),
  };
  for (const part of parts.values()) {
    addRoutes(part, 'tools', merge.tools, merge);
    addRoutes(part, 'prompts', merge.prompts, merge);
    addRoutes(part, 'resources', merge.resources, merge);
    addRoutes(part, 'resourceTemplates', merge.templates, merge);
    yield;
  }
  return merge;
}

function addRoutes<T>(
  part: CatalogPart<T>,
  kind: ListKind,
  routes: Map<string, Route<T>>,
  merge: Merge<T>,
): void {
  const { connectorId, target } = part.source;
  for (const { item, name } of part.listed[kind]) {
    const taken = routes.get(name);
    const isRefused = merge.refused.size > 0 && merge.refused.has(`${kind}:${name}`);
    if (taken === undefined && !isRefused) {
      const own = kind === 'tools' ? part.view.tools.get(item.id) : undefined;
      routes.set(name, own ?? { connectorId, upstreamName: item.id, target });
      continue;
    }
    merge.clashes.add(`${kind}:${connectorId}`);
    if (!RENAMED_BY_PATH.has(kind)) refuseBoth(kind, name, { taken, connectorId, routes }, merge);
    else if (taken !== undefined) {
      const other = otherName(kind, name, connectorId);
      const free = other !== undefined && !routes.has(other);
      if (free) routes.set(other, { connectorId, upstreamName: item.id, target });
      const way = free ? `${other} is the other` : `reach the other at /mcp/${connectorId}`;
      const clash = `${kind}: ${JSON.stringify(name)} of ${connectorId} is also offered by`;
      warn(merge, `${clash} ${taken.connectorId}, which keeps it; ${way}`);
    }
  }
}

/** A name that leads to two tools leads to none: neither may take the other's calls (S11). */
function refuseBoth<T>(
  kind: ListKind,
  name: string,
  clash: {
    readonly taken: Route<T> | undefined;
    readonly connectorId: string;
    readonly routes: Map<string, Route<T>>;
  },
  merge: Merge<T>,
): void {
  const { taken, connectorId, routes } = clash;
  merge.refused.add(`${kind}:${name}`);
  routes.delete(name);
  if (taken !== undefined) merge.clashes.add(`${kind}:${taken.connectorId}`);
  const others = taken === undefined ? 'others' : taken.connectorId;
  warn(
    merge,
    `${kind}: ${JSON.stringify(name)} would be an item of ${connectorId} and one of ${others}: neither is offered there; reach them at /mcp/{connector}`,
  );
}

function warn(merge: Merge<unknown>, warning: string): void {
  if (merge.warnings.length < MAX_WARNINGS) merge.warnings.push(warning);
}

/** Under what else the shared endpoint can show an item whose name is taken. */
function otherName(kind: ListKind, name: string, connectorId: string): string | undefined {
  return RENAMED_BY_PATH.has(kind) ? namespacedUri(name, connectorId) : undefined;
}

function allView<T>(
  parts: ReadonlyMap<string, CatalogPart<T>>,
  merged: Merge<T>,
  options: BuildOptions,
): CatalogView<T> {
  const body = (kind: ListKind, routes: ReadonlyMap<string, Route<T>>): ListBody => {
    const kept = [...parts.values()].map((part) => keptOf(kind, part, routes, merged.clashes));
    const groups = kept.map(({ items, part }) => ({
      connectorId: part.source.connectorId,
      items,
    }));
    if (!options.prebuilt) return perRequestBody(kind, groups);
    return prebuiltBody(
      kind,
      kept.map(({ items, part }) => piece(kind, items, part)),
      groups,
    );
  };
  return {
    lists: {
      tools: body('tools', merged.tools),
      prompts: body('prompts', merged.prompts),
      resources: body('resources', merged.resources),
      resourceTemplates: body('resourceTemplates', merged.templates),
    },
    tools: merged.tools,
    prompts: merged.prompts,
    resources: merged.resources,
    templates: templatesOf(parts, merged).toSorted(byLength),
    contributions: [],
    info: undefined,
    servers: [...parts.values()].flatMap(({ view }) => view.servers),
  };
}

/** The templates of all connectors; those that clash under the name they are listed by. */
function templatesOf<T>(
  parts: ReadonlyMap<string, CatalogPart<T>>,
  { templates, clashes }: Merge<T>,
): readonly TemplateRoute<T>[] {
  return [...parts.values()].flatMap((part) => {
    const { connectorId } = part.source;
    if (!clashes.has(`resourceTemplates:${connectorId}`)) return part.view.templates;
    return part.view.templates.flatMap((own) => {
      if (templates.get(own.template)?.connectorId === connectorId) return own;
      const template = namespacedUri(own.template, connectorId);
      if (template === undefined || templates.get(template)?.connectorId !== connectorId) return [];
      return { ...own, template, prefix: templatePrefix(template), namespaced: true };
    });
  });
}

interface Kept<T> {
  readonly items: readonly ListedItem[];
  readonly part: CatalogPart<T>;
}

/** What the shared endpoint shows of a part: all of it, or what no other connector took. */
function keptOf<T>(
  kind: ListKind,
  part: CatalogPart<T>,
  routes: ReadonlyMap<string, Route<T>>,
  clashes: ReadonlySet<string>,
): Kept<T> {
  const { connectorId } = part.source;
  const own = part.listed[kind];
  const items = clashes.has(`${kind}:${connectorId}`)
    ? own.flatMap((listed) => {
        const names = [listed.name, otherName(kind, listed.name, connectorId)];
        const name = names.find((candidate = '') => {
          const route = routes.get(candidate);
          return route?.connectorId === connectorId && route.upstreamName === listed.item.id;
        });
        if (name === undefined) return [];
        return name === listed.name ? listed : { ...listed, name };
      })
    : own;
  return { items, part };
}

/** A part's bytes are taken over; only one that lost a name is serialised anew. */
function piece<T>(kind: ListKind, items: readonly ListedItem[], part: CatalogPart<T>): Piece {
  return items === part.listed[kind] ? part.pieces[kind] : pieceOf(items);
}

function kindsThatDiffer<T>(
  a: CatalogPart<T> | undefined,
  b: CatalogPart<T> | undefined,
): Set<ListKind> {
  const differing = LIST_KINDS.filter((kind) => {
    const before = a?.source.manifest.lists[kind] ?? [];
    const after = b?.source.manifest.lists[kind] ?? [];
    const same =
      before === after ||
      (before.length === after.length &&
        before.every((item, index) => item.text === after[index]?.text));
    return !same;
  });
  return new Set(differing);
}

function changeBetween<T>(
  previous: CatalogBuild<T> | undefined,
  parts: ReadonlyMap<string, CatalogPart<T>>,
): CatalogChange {
  const all = new Set<ListKind>();
  const connectors = new Map<string, ReadonlySet<ListKind>>();
  for (const id of new Set([...(previous?.parts.keys() ?? []), ...parts.keys()])) {
    const before = previous?.parts.get(id);
    const after = parts.get(id);
    if (before === after) continue;
    const kinds = kindsThatDiffer(before, after);
    if (kinds.size > 0) connectors.set(id, kinds);
    for (const kind of kinds) all.add(kind);
  }
  return { all, connectors };
}
