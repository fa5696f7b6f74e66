import type { Logger } from 'pino';
import { waitForShared } from './connectors/cache-wait.ts';
import type { ConnectorDefinition } from './connectors/connector.ts';
import { definitionsOfMap, type MapPolicy } from './connectors/map-definition.ts';
import { MapFollower } from './connectors/map-follower.ts';
import { createMapReader } from './connectors/map-reader.ts';
import type { ServiceMapSettings } from './connectors/map-settings.ts';
import type { MapStatus } from './connectors/map-status.ts';
import { createMapStore } from './connectors/map-store.ts';
import type { ServiceMapSource } from './connectors/service-map-source.ts';
import type { LoadedServiceMap } from './connectors/service-map.ts';
import type { ServiceOptions } from './service-options.ts';
import type { SharedAgents } from './upstream/agent.ts';

/** What should be connected: the local connectors, and those of the service map in force. */
export interface ConnectorSet {
  /** In order of the file, then of the map. A local connector wins over one of the map with its id. */
  current(): readonly ConnectorDefinition[];
  setLocal(connectors: readonly ConnectorDefinition[]): void;
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
  /** For fetching the map; follows no redirects. */
  readonly agents: Pick<SharedAgents, 'requests'>;
  /** The map has changed what should be connected. */
  readonly changed: (connectors: readonly ConnectorDefinition[]) => Promise<void>;
}

function sourceOf(
  { source }: ServiceMapSettings,
  agents: ConnectorSetOptions['agents'],
): ServiceMapSource {
  if (source.kind === 'file') return source;
  return {
    kind: 'url',
    url: source.url.reveal(),
    apiKey: source.apiKey?.reveal(),
    get dispatcher() {
      return agents.requests;
    },
  };
}

function createFollower(
  map: ServiceMapSettings,
  options: ConnectorSetOptions,
  onMap: () => Promise<void>,
): MapFollower {
  const { agents, logger, mapFolder, random } = options;
  const reader = createMapReader({
    source: sourceOf(map, agents),
    keys: map.keys.reveal(),
    maxStaleMs: map.maxStaleMs,
    timeoutMs: map.timeoutMs,
    maxBytes: map.maxBytes,
    store: mapFolder === undefined ? undefined : createMapStore(mapFolder),
    onStoreError: (error) => logger.warn({ err: error }, 'the service map was not kept'),
  });
  return new MapFollower({
    source: map.shown,
    fetch: async (signal) => await reader.fetch(signal),
    restore: async () => await reader.restore(),
    onMap,
    random,
    onError: (error) =>
      logger.warn({ source: map.shown, err: error }, 'a service map was not taken'),
  });
}

class MapConnectorSet implements ConnectorSet {
  readonly #options: ConnectorSetOptions;
  readonly #follower: MapFollower | undefined;
  readonly #policy: MapPolicy;
  #local: readonly ConnectorDefinition[];
  #read: { map: LoadedServiceMap; definitions: readonly ConnectorDefinition[] } | undefined;
  #shadowed: readonly string[] = [];

  constructor(options: ConnectorSetOptions) {
    this.#options = options;
    this.#local = options.connectors;
    const map = options.serviceMap;
    this.#policy = {
      trust: {
        allowedHosts: map?.allowHosts ?? [],
        allowedCommands: map?.allowCommands ?? [],
        ...(map?.allowVariables && { allowedVariables: map.allowVariables }),
      },
      sharedKeyFor: map?.sharedKeyFor ?? [],
      env: options.baseEnv,
    };
    const onMap = async (): Promise<void> => await options.changed(this.current());
    this.#follower = map && createFollower(map, options, onMap);
  }

  get settled(): boolean {
    return this.#follower === undefined || this.#follower.settled;
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

  async restore(): Promise<void> {
    await this.#follower?.restore();
  }

  start(): void {
    this.#follower?.start();
  }

  async refresh(): Promise<void> {
    await this.#follower?.refresh();
  }

  before(then: () => Promise<void> | undefined): Promise<void> | undefined {
    const timeoutMs = this.#options.settings.firstListWaitMs;
    const underWay = this.settled ? undefined : this.#follower?.fetching;
    if (underWay === undefined || timeoutMs <= 0) return then();
    const both = underWay.then(then);
    return waitForShared(both, { timeoutMs }).then(() => undefined);
  }

  status(): MapStatus | undefined {
    const status = this.#follower?.status();
    const shadowed = this.#shadowed.map(
      (id) => `${id} of the map is not used: a local one has its id`,
    );
    return status && { ...status, warnings: [...status.warnings, ...shadowed] };
  }

  async stop(): Promise<void> {
    await this.#follower?.stop();
  }

  #definitions(): readonly ConnectorDefinition[] {
    const map = this.#follower?.map;
    if (map === undefined) return [];
    // The same map gives the same definitions, so that nothing is compared in vain.
    if (this.#read?.map !== map) {
      this.#read = { map, definitions: definitionsOfMap(map, this.#policy) };
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
