import type { Logger } from 'pino';
import { waitForShared } from '../connectors/cache/cache-wait.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import { definitionsOfMap, type MapPolicy } from '../connectors/map/map-definition.ts';
import { MapFollower } from '../connectors/map/map-follower.ts';
import { createMapReader } from '../connectors/map/map-reader.ts';
import type { ServiceMapSettings } from '../connectors/map/map-settings.ts';
import type { MapStatus } from '../connectors/map/map-status.ts';
import { MapSwitch, type MapSwitchOptions } from '../connectors/map/map-switch.ts';
import { createMapStore } from '../connectors/map/map-store.ts';
import { ServiceMapError } from '../connectors/map/service-map-error.ts';
import type { ServiceMapSource } from '../connectors/map/service-map-source.ts';
import type { LoadedServiceMap } from '../connectors/map/service-map.ts';
import type { Instruments } from '../observability/instruments.ts';
import { ownedMapStore } from './owned-stores.ts';
import type { ServiceOptions } from './service-options.ts';
import { SOLE_OWNER, type StateOwner } from './state-owner.ts';
import type { SharedAgents } from '../upstream/streamable-http/agent.ts';

/** What should be connected: the local connectors, and those of the service map in force. */
export interface ConnectorSet {
  /** In order of the file, then of the map. A local connector wins over one of the map with its id. */
  current(): readonly ConnectorDefinition[];
  setLocal(connectors: readonly ConnectorDefinition[]): void;
  /** Those of them that no map gave. */
  local(): readonly ConnectorDefinition[];
  /**
   * Follows another map, the same one by other settings, or none; resolves when that is in force and `changed` was
   * told. The map of the same source is kept while the new keys verify it.
   */
  setMap(settings: ServiceMapSettings | undefined): Promise<void>;
  /** Settings of the map that is followed now. */
  readonly mapSettings: ServiceMapSettings | undefined;
  /** Hosts that connectors of the map may have over http or at a private address, as the settings say now. */
  readonly allowedHosts: readonly string[];
  /** Takes over the map that an earlier run kept. Never rejects. */
  restore(): Promise<void>;
  /** Begins to follow the map, fetching at once. */
  start(): void;
  /** Fetches the map now. Never rejects. */
  refresh(): Promise<void>;
  /** False while the first fetch is under way and no map is in force. */
  readonly settled: boolean;
  /**
   * What a list waits for: first for the map while nothing is known of it, then for what `then` says. Both together
   * at most `firstListWaitMs`.
   */
  before(then: () => Promise<void> | undefined): Promise<void> | undefined;
  status(): MapStatus | undefined;
  /** Waits for what is under way. Idempotent. */
  stop(): Promise<void>;
}

export interface ConnectorSetOptions extends Pick<
  ServiceOptions,
  'connectors' | 'serviceMap' | 'mapFolder' | 'baseEnv' | 'settings'
> {
  readonly logger: Logger;
  readonly random: () => number;
  /** Keeps the map on disk for all processes that share the state. Default: this one does. */
  readonly owner?: StateOwner | undefined;
  /** For fetching the map; follows no redirects. */
  readonly agents: Pick<SharedAgents, 'requests'>;
  /** Counts what becomes of fetched maps. Default: nothing is counted. */
  readonly instruments?: Pick<Instruments, 'mapFetched'>;
  /** The map has changed what should be connected. */
  readonly changed: (connectors: readonly ConnectorDefinition[]) => Promise<void>;
}

function sourceOf(
  { source }: ServiceMapSettings,
  agents: ConnectorSetOptions['agents'],
): ServiceMapSource {
  if (source.kind !== 'url') return source;
  return {
    kind: 'url',
    url: source.url.reveal(),
    apiKey: source.apiKey?.reveal(),
    get dispatcher() {
      return agents.requests;
    },
  };
}

/** Counts a fetch by its outcome. */
async function counted(
  fetched: Promise<LoadedServiceMap>,
  instruments: ConnectorSetOptions['instruments'],
): Promise<LoadedServiceMap> {
  try {
    const map = await fetched;
    instruments?.mapFetched(undefined);
    return map;
  } catch (error) {
    instruments?.mapFetched(error instanceof ServiceMapError ? error.code : 'MAP_FAILED');
    throw error;
  }
}

function createFollower(
  options: ConnectorSetOptions,
  ...[map, previous, onMap]: Parameters<MapSwitchOptions['create']>
): MapFollower {
  const { agents, logger, mapFolder, random, settings } = options;
  const notKept = (error: unknown): void =>
    logger.warn({ err: error }, 'the service map was not kept');
  const reader = createMapReader({
    source: sourceOf(map, agents),
    keys: map.keys.reveal(),
    maxStaleMs: map.maxStaleMs,
    timeoutMs: map.timeoutMs,
    maxBytes: map.maxBytes,
    store:
      mapFolder === undefined
        ? undefined
        : ownedMapStore(createMapStore(mapFolder), options.owner ?? SOLE_OWNER, notKept),
    onStoreError: notKept,
  });
  return new MapFollower({
    source: map.shown,
    fetch: async (signal) => await counted(reader.fetch(signal), options.instruments),
    restore: async () =>
      previous === undefined ? await reader.restore() : await reader.recheck(previous),
    background: settings.backgroundRefresh,
    onMap,
    random,
    onError: (error) =>
      logger.warn({ source: map.shown, err: error }, 'a service map was not taken'),
  });
}

function policyOf(map: ServiceMapSettings | undefined, env: MapPolicy['env']): MapPolicy {
  return {
    trust: {
      allowedHosts: map?.allowHosts ?? [],
      allowedCommands: map?.allowCommands ?? [],
      ...(map?.allowVariables && { allowedVariables: map.allowVariables }),
    },
    sharedKeyFor: map?.sharedKeyFor ?? [],
    env,
  };
}

/** What was made of a map, and by which settings. */
interface ReadMap {
  readonly map: LoadedServiceMap;
  readonly settings: ServiceMapSettings | undefined;
  readonly definitions: readonly ConnectorDefinition[];
}

class MapConnectorSet implements ConnectorSet {
  readonly #options: ConnectorSetOptions;
  readonly #maps: MapSwitch;
  #local: readonly ConnectorDefinition[];
  #read: ReadMap | undefined;
  #shadowed: readonly string[] = [];

  constructor(options: ConnectorSetOptions) {
    this.#options = options;
    this.#local = options.connectors;
    this.#maps = new MapSwitch(options.serviceMap, {
      create: (...settings) => createFollower(options, ...settings),
      changed: async () => await options.changed(this.current()),
    });
  }

  get mapSettings(): ServiceMapSettings | undefined {
    return this.#maps.settings;
  }

  get allowedHosts(): readonly string[] {
    return this.mapSettings?.allowHosts ?? [];
  }

  get settled(): boolean {
    return this.#maps.follower === undefined || this.#maps.follower.settled;
  }

  current(): readonly ConnectorDefinition[] {
    const local = new Set(this.#local.map(({ id }) => id));
    const ofMap = this.#definitions();
    this.#noteShadowed(ofMap.filter(({ id }) => local.has(id)).map(({ id }) => id));
    return [...this.#local, ...ofMap.filter(({ id }) => !local.has(id))];
  }

  setLocal(connectors: readonly ConnectorDefinition[]): void {
    this.#local = connectors;
  }

  local(): readonly ConnectorDefinition[] {
    return this.#local;
  }

  async setMap(settings: ServiceMapSettings | undefined): Promise<void> {
    await this.#maps.replace(settings);
  }

  async restore(): Promise<void> {
    await this.#maps.follower?.restore();
  }

  start(): void {
    this.#maps.start();
  }

  async refresh(): Promise<void> {
    await this.#maps.follower?.refresh();
  }

  before(then: () => Promise<void> | undefined): Promise<void> | undefined {
    const timeoutMs = this.#options.settings.firstListWaitMs;
    const underWay = this.#maps.follower?.wanted();
    if (underWay === undefined || timeoutMs <= 0) return then();
    const both = underWay.then(then);
    return waitForShared(both, { timeoutMs }).then(() => undefined);
  }

  status(): MapStatus | undefined {
    const status = this.#maps.follower?.status();
    const shadowed = this.#shadowed.map(
      (id) => `${id} of the map is not used: a local one has its id`,
    );
    return status && { ...status, warnings: [...status.warnings, ...shadowed] };
  }

  async stop(): Promise<void> {
    await this.#maps.stop();
  }

  #definitions(): readonly ConnectorDefinition[] {
    const map = this.#maps.follower?.map;
    if (map === undefined) return [];
    // The same map gives the same definitions, so that nothing is compared in vain.
    const { settings } = this.#maps;
    if (this.#read?.map !== map || this.#read.settings !== settings) {
      const policy = policyOf(settings, this.#options.baseEnv);
      this.#read = { map, settings, definitions: definitionsOfMap(map, policy) };
    }
    return this.#read.definitions;
  }

  #noteShadowed(ids: readonly string[]): void {
    const news = ids.filter((id) => !this.#shadowed.includes(id));
    this.#shadowed = ids;
    for (const connector of news) {
      this.#options.logger.warn({ connector }, 'a local connector wins over that of the map');
    }
  }
}

/** Reads and fetches nothing before `restore`, `refresh` or `start`. */
export function createConnectorSet(options: ConnectorSetOptions): ConnectorSet {
  return new MapConnectorSet(options);
}
