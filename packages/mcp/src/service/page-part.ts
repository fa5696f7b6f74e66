import { hostname } from 'node:os';
import { FLAG_TABLE } from '../config/flag-table.ts';
import { inCohort, ROLLOUT_STEPS } from '../config/rollout.ts';
import { describeOrigin, type Setting } from '../config/setting.ts';
import type { CatalogCell } from '../catalog/catalog.ts';
import type { ConnectorSet } from './connector-set.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { Endpoint } from '../gateway/endpoint.ts';
import type { Health } from '../http/probes.ts';
import type { Instruments } from '../observability/instruments.ts';
import {
  plainInstruments,
  createWatchedInstruments,
} from '../observability/watched-instruments.ts';
import type { PageFacts, PageFlag, PageRollout, WantedConnector } from '../page/page-facts.ts';
import { createPageRoutes, NO_PAGE, type PagePart } from '../page/page-routes.ts';
import { createListedMarks } from './listed-marks.ts';
import type { ServiceOptions, ServiceSettings } from './service-options.ts';
import type { SseRoutes } from './sse-routes.ts';

/** What the page is told of a service that is made of these. */
export interface PageParts {
  readonly options: ServiceOptions;
  readonly manager: ConnectorProxyManager;
  readonly cell: Pick<CatalogCell<unknown>, 'current' | 'onSwap'>;
  readonly connectors: ConnectorSet;
  readonly endpoint: Pick<Endpoint, 'answerer' | 'sessions'>;
  readonly instruments: Pick<Instruments, 'find'>;
  readonly sse: Pick<SseRoutes, 'streams'>;
  readonly health: Pick<Health, 'ready'>;
  readonly life: ServiceLife;
}

/** What a service says of itself. */
export interface ServiceLife {
  readonly startedAt: Date;
  /** On its way out. */
  readonly draining: () => boolean;
  /** Connectors of the configuration, without those of registry and map. */
  readonly own: () => readonly ConnectorDefinition[];
}

/** On a socket of the file system no browser comes. */
function isServed({ page = true, socketPath }: ServiceSettings): boolean {
  return page && socketPath === undefined;
}

/** What measures the calls of a connector: with the history that the page shows, where there is a page. */
export function instrumentsFor(settings: ServiceSettings): typeof plainInstruments {
  return isServed(settings) ? createWatchedInstruments() : plainInstruments;
}

/** The settings of a program come with their origins; those of a library not at all. */
function isSetting(value: unknown): value is Setting<boolean | number | string> {
  return typeof value === 'object' && value !== null && 'value' in value && 'origin' in value;
}

type Described = Readonly<Record<string, unknown>>;

function flagsOf(settings: Described): readonly PageFlag[] {
  return Object.entries(FLAG_TABLE).flatMap(([name, { standard, owner, removal }]) => {
    const setting = settings[name];
    if (!isSetting(setting)) return [];
    const origin = describeOrigin(setting.origin);
    return [{ name, value: setting.value, default: standard, origin, owner, removal }];
  });
}

function rolloutOf(settings: Described): PageRollout {
  const { MCP_ROLLOUT_PERCENT: percent, MCP_INSTANCE_ID: instance } = settings;
  const share = isSetting(percent) && typeof percent.value === 'number' ? percent.value : 100;
  const instanceId = isSetting(instance) ? String(instance.value) : hostname();
  return {
    percent: share,
    instanceId,
    inCohort: inCohort(instanceId, share),
    steps: ROLLOUT_STEPS,
  };
}

function wantedOf({ connectors, life }: PageParts): ReadonlyMap<string, WantedConnector> {
  const own = new Set(life.own().map(({ id }) => id));
  const local = new Set(connectors.local().map(({ id }) => id));
  return new Map(
    connectors.current().map((definition) => {
      const { id } = definition;
      const source = own.has(id) ? 'config' : local.has(id) ? 'registry' : 'map';
      return [id, { definition, source }] as const;
    }),
  );
}

function createFacts(parts: PageParts): PageFacts {
  const { options, manager, cell, connectors, endpoint, instruments, sse, health, life } = parts;
  // They do not change while a service runs.
  let described: Described | undefined;
  const settings = (): Described => (described ??= options.describeSettings?.() ?? {});
  return {
    version: options.version,
    startedAt: life.startedAt,
    state: () => (life.draining() ? 'draining' : health.ready() ? 'ready' : 'starting'),
    connectors: () => manager.listConnectors(),
    wanted: () => wantedOf(parts),
    served: () => manager.served(),
    // Without pins every tool that a server offers is listed.
    listedMark: options.pins === undefined ? () => undefined : createListedMarks(cell),
    nextAttemptMs: (id) => manager.find(id)?.nextAttemptMs,
    history: (id) => instruments.find(id)?.history,
    callsInFlight: () => endpoint.answerer.inFlight,
    sessions: () => endpoint.sessions,
    streams: () => sse.streams + endpoint.answerer.listens.size,
    flags: () => flagsOf(settings()),
    rollout: () => rolloutOf(settings()),
    map: () => connectors.status(),
    onChange: (listener) => {
      const forget = [manager.onChange(listener), cell.onSwap(listener)];
      return () => forget.forEach((end) => end());
    },
  };
}

/** The status page inside a service, if it has one. */
export function createPagePart(parts: PageParts): PagePart {
  const { settings, logger } = parts.options;
  if (!isServed(settings)) return NO_PAGE;
  return createPageRoutes({
    facts: createFacts(parts),
    onError: (error) => logger.error({ err: error }, 'the status page'),
  });
}
