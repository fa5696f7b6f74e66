import { LIST_KINDS, type ListKind } from '../protocol/list-kind.ts';
import { buildKind, MAX_WARNINGS, STEP_CONNECTORS, type KindBuild } from './build-kind.ts';
import {
  buildPart,
  byLength,
  templatePrefix,
  type BuildOptions,
  type CatalogPart,
} from './build-part.ts';
import type { Catalog, CatalogView, TemplateRoute } from './catalog.ts';
import type { CatalogChange } from './catalog-change.ts';
import { freshnessOf } from './freshness.ts';
import { namespacedUri } from './resource-uri.ts';
import type { CatalogSource } from './source.ts';

type Kinds<T> = Readonly<Record<ListKind, KindBuild<T>>>;

/** A catalog with what the next build can take over from it. */
export interface CatalogBuild<T> {
  readonly catalog: Catalog<T>;
  readonly parts: ReadonlyMap<string, CatalogPart<T>>;
  readonly kinds: Kinds<T>;
  readonly change: CatalogChange;
}

/**
 * Builds the next catalog from the manifests that may be served. Parts of connectors whose manifest and
 * target are the same objects as before are taken over, and so are lists of which nothing changed. Deterministic:
 * connectors are ordered by id. Pauses between steps, each far shorter than a slice; run it in slices.
 */
export function* buildCatalog<T>(
  sources: readonly CatalogSource<T>[],
  previous: CatalogBuild<T> | undefined,
  options: BuildOptions,
): Generator<void, CatalogBuild<T>, void> {
  const ordered = sources.toSorted((a, b) => (a.connectorId < b.connectorId ? -1 : 1));
  yield;
  const parts = yield* buildParts(ordered, previous, options);
  const inOrder = [...parts.values()];
  const kinds: Kinds<T> = {
    tools: yield* buildKind('tools', inOrder, previous?.kinds.tools, options),
    prompts: yield* buildKind('prompts', inOrder, previous?.kinds.prompts, options),
    resources: yield* buildKind('resources', inOrder, previous?.kinds.resources, options),
    resourceTemplates: yield* buildKind(
      'resourceTemplates',
      inOrder,
      previous?.kinds.resourceTemplates,
      options,
    ),
  };
  const contributions = ordered.map(({ connectorId, receivedAtMs, hint }) => ({
    connectorId,
    receivedAtMs,
    hint,
  }));
  yield;
  const templates =
    previous !== undefined && previous.kinds.resourceTemplates === kinds.resourceTemplates
      ? previous.catalog.all.templates
      : yield* templatesOf(inOrder, kinds.resourceTemplates);
  const all: CatalogView<T> = {
    lists: {
      tools: kinds.tools.body,
      prompts: kinds.prompts.body,
      resources: kinds.resources.body,
      resourceTemplates: kinds.resourceTemplates.body,
    },
    tools: kinds.tools.routes,
    prompts: kinds.prompts.routes,
    resources: kinds.resources.routes,
    templates,
    contributions,
    freshness: freshnessOf(contributions),
    info: undefined,
    servers: inOrder.flatMap(({ view }) => view.servers),
  };
  yield;
  const catalog: Catalog<T> = {
    generation: (previous?.catalog.generation ?? 0) + 1,
    all,
    connectors: yield* ownViews(ordered, parts),
    warnings: LIST_KINDS.flatMap((kind) => kinds[kind].warnings).slice(0, MAX_WARNINGS),
  };
  return { catalog, parts, kinds, change: yield* changeBetween(previous?.parts, parts) };
}

function* buildParts<T>(
  ordered: readonly CatalogSource<T>[],
  previous: CatalogBuild<T> | undefined,
  options: BuildOptions,
): Generator<void, ReadonlyMap<string, CatalogPart<T>>, void> {
  const parts = new Map<string, CatalogPart<T>>();
  for (const source of ordered) {
    const old = previous?.parts.get(source.connectorId);
    const same = old?.source.manifest === source.manifest && old.source.target === source.target;
    const part = old !== undefined && same ? old : yield* buildPart(source, old, options);
    parts.set(source.connectorId, part);
    if (!same || parts.size % STEP_CONNECTORS === 0) yield;
  }
  return parts;
}

/** The templates of all connectors; those that clash under the name they are listed by. */
function* templatesOf<T>(
  parts: readonly CatalogPart<T>[],
  { routes, clashing }: KindBuild<T>,
): Generator<void, readonly TemplateRoute<T>[], void> {
  const templates: TemplateRoute<T>[] = [];
  for (const { source, view } of parts) {
    const { connectorId } = source;
    if (view.templates.length === 0) continue;
    const isClashing = clashing.has(connectorId);
    for (const own of view.templates) {
      const leadsHere = (name: string): boolean => routes.get(name)?.connectorId === connectorId;
      if (!isClashing || leadsHere(own.template)) {
        templates.push(own);
        continue;
      }
      const template = namespacedUri(own.template, connectorId);
      if (template === undefined || !leadsHere(template)) continue;
      const prefix = templatePrefix(template);
      templates.push({ ...own, template, prefix, namespaced: true });
    }
    yield;
  }
  return templates.toSorted(byLength);
}

/** Each connector's own endpoint. */
function* ownViews<T>(
  ordered: readonly CatalogSource<T>[],
  parts: ReadonlyMap<string, CatalogPart<T>>,
): Generator<void, ReadonlyMap<string, CatalogView<T>>, void> {
  const views = new Map<string, CatalogView<T>>();
  for (const { connectorId, receivedAtMs, hint } of ordered) {
    const contributions = [{ connectorId, receivedAtMs, hint }];
    const view = parts.get(connectorId)?.view;
    if (view === undefined) continue;
    views.set(connectorId, { ...view, contributions, freshness: freshnessOf(contributions) });
    if (views.size % STEP_CONNECTORS === 0) yield;
  }
  return views;
}

function kindsThatDiffer<T>(
  a: CatalogPart<T> | undefined,
  b: CatalogPart<T> | undefined,
): Set<ListKind> {
  const differing = LIST_KINDS.filter((kind) => {
    if (a?.groups[kind] === b?.groups[kind]) return false;
    const before = a?.source.manifest.lists[kind] ?? [];
    const after = b?.source.manifest.lists[kind] ?? [];
    const same =
      before.length === after.length &&
      before.every((item, index) => item.text === after[index]?.text);
    return !same;
  });
  return new Set(differing);
}

function* changeBetween<T>(
  previous: ReadonlyMap<string, CatalogPart<T>> | undefined,
  parts: ReadonlyMap<string, CatalogPart<T>>,
): Generator<void, CatalogChange, void> {
  const all = new Set<ListKind>();
  const connectors = new Map<string, ReadonlySet<ListKind>>();
  const gone = Array.from(previous?.keys() ?? []).filter((id) => !parts.has(id));
  yield;
  for (const id of [...gone, ...parts.keys()]) {
    const before = previous?.get(id);
    const after = parts.get(id);
    if (before === after) continue;
    const kinds = kindsThatDiffer(before, after);
    if (kinds.size > 0) connectors.set(id, kinds);
    for (const kind of kinds) all.add(kind);
    yield;
  }
  return { all, connectors };
}
