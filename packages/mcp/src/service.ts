import { CatalogCell } from './catalog/catalog.ts';
import { offeredTools, type OfferedTool } from './catalog/offered-tools.ts';
import { feedCatalog, type CatalogFeed } from './catalog-feed.ts';
import { assertLoopback } from './config/settings.ts';
import type { ConnectorDefinition } from './connectors/connector.ts';
import type { ServiceMapSettings } from './connectors/map-settings.ts';
import { createPublicLookup } from './connectors/public-lookup.ts';
import type { ConnectorProxyManager } from './connectors/manager.ts';
import { createConnectorSet, type ConnectorSet } from './connector-set.ts';
import { createManager } from './create-manager.ts';
import { createRegistryPart } from './create-registry-part.ts';
import type { Endpoint } from './gateway/endpoint.ts';
import type { ListDemand } from './gateway/ports.ts';
import { passOn } from './gateway/told.ts';
import { createListener, listenOn, type Listener } from './http/listener.ts';
import { statusDocument } from './http/status-document.ts';
import { callInProcess } from './in-process-call.ts';
import { createInstruments, type Instruments } from './observability/instruments.ts';
import type { RegistryPart } from './registry-part.ts';
import { createListDemand, createServiceEndpoint } from './service-endpoint.ts';
import type { Service } from './service-interface.ts';
import { serviceRoutes } from './service-routes.ts';
import { createSseRoutes, type SseRoutes } from './sse-routes.ts';
import { createSharedAgents, type SharedAgents } from './upstream/agent.ts';
import { createReaper } from './upstream/reaper.ts';
import type { ServiceOptions } from './service-options.ts';
import type { UpstreamAccess } from './upstream/upstream.ts';

export type { OfferedTool } from './catalog/offered-tools.ts';
export { createRegistryServer, serveStdio } from './other-services.ts';
export type { BridgeTarget } from './gateway/stdio.ts';
export type { Service } from './service-interface.ts';
export type { ServiceOptions, ServiceSettings } from './service-options.ts';

/** How long requests under way may take to end once the service closes. */
const CLOSE_GRACE_MS = 500;
/** What an earlier run kept is served before the first pass begins, which would hold up the first lists. */
const BEGIN_DELAY_MS = 50;

class GatewayService implements Service {
  readonly manager: ConnectorProxyManager;
  readonly #options: ServiceOptions;
  readonly #agents = createSharedAgents();
  readonly #remoteAgents: SharedAgents;
  readonly #reaper = createReaper();
  readonly #cell = new CatalogCell<UpstreamAccess>();
  readonly #instruments: Instruments = createInstruments({
    connectors: () => this.manager.listConnectors(),
    catalogLists: () => this.#cell.current.all.lists,
    callsInFlight: () => this.#endpoint.answerer.inFlight,
    sessions: () => this.#endpoint.sessions,
  });
  readonly #connectors: ConnectorSet;
  readonly #registry: RegistryPart | undefined;
  #own: readonly ConnectorDefinition[];
  readonly #feed: CatalogFeed;
  readonly #demand: ListDemand;
  readonly #endpoint: Endpoint;
  readonly #sse: SseRoutes;
  readonly #listener: Listener;
  readonly #startedAt = new Date();
  #url: string | undefined;
  #shown = false;
  #starting: Promise<{ readonly url: string; readonly port: number }> | undefined;
  #beginning: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { settings, logger } = options;
    const random = options.random ?? platformRandom;
    // Asked for each connection: the settings of the map may change.
    const lookup = createPublicLookup(() => this.#connectors.allowedHosts);
    this.#remoteAgents = createSharedAgents({ lookup });
    this.#own = options.connectors;
    this.#registry = createRegistryPart(options, {
      random,
      metrics: this.#instruments.registry,
      map: () => this.#connectors.mapSettings,
      changed: async () => await this.apply(this.#own),
    });
    this.manager = createManager(options, {
      inProcess: this.#registry?.servers(),
      agents: this.#agents,
      remoteAgents: this.#remoteAgents,
      remoteLookup: lookup,
      reaper: this.#reaper,
      instruments: this.#instruments,
      random,
      onTold: (connectorId, callerId, method, text) =>
        passOn(this.#endpoint, { connectorId, callerId, method, text }),
    });
    this.#connectors = createConnectorSet({
      ...options,
      random,
      agents: this.#agents,
      changed: async (connectors) => await this.#replace(connectors),
    });
    const { separator, listPrebuilt } = settings;
    this.#feed = feedCatalog(
      this.manager,
      this.#cell,
      { separator, prebuilt: listPrebuilt, duration: this.#instruments.catalogBuildDuration },
      (error) => logger.error({ err: error }, 'the catalog could not be built; the last one stays'),
    );
    const parts = {
      options,
      manager: this.manager,
      connectors: this.#connectors,
      cell: this.#cell,
      feed: this.#feed,
      instruments: this.#instruments,
    };
    this.#demand = createListDemand(parts);
    this.#endpoint = createServiceEndpoint(parts, this.#demand);
    const knows = (id: string): boolean => this.manager.find(id) !== undefined;
    this.#sse = createSseRoutes(this.#endpoint, { ...settings, knows, random });
    this.#listener = this.#createListener();
  }

  async start(): Promise<{ readonly url: string; readonly port: number }> {
    this.#starting ??= this.#start();
    return await this.#starting;
  }

  async #start(): Promise<{ readonly url: string; readonly port: number }> {
    assertLoopback(this.#options.settings.host);
    this.#instruments.runtime.start();
    await Promise.all([this.#connectors.restore(), this.#openRegistry()]);
    this.manager.adopt(this.#connectors.current());
    await this.manager.restore();
    await this.settled();
    if (this.#closing !== undefined) throw new Error('the service was closed while it started');
    const { url, origin, port: bound } = await listenOn(this.#listener, this.#options.settings);
    this.#url = url;
    void this.#registry?.listening(origin);
    this.#beginSoon();
    return { url, port: bound };
  }

  #beginSoon(): void {
    const begin = (): void => {
      this.#connectors.start();
      this.manager.start();
    };
    if (this.#demand.complete(undefined)) this.#beginning = setTimeout(begin, BEGIN_DELAY_MS);
    else begin();
  }

  async prepare(): Promise<void> {
    await Promise.all([this.#connectors.restore(), this.#openRegistry()]);
    await this.#connectors.refresh();
    this.manager.adopt(this.#connectors.current());
  }

  /** Its connectors must be known before kept manifests are taken over: those of unknown ones are thrown away. */
  async #openRegistry(): Promise<void> {
    await this.#registry?.openExisting();
    this.#setOwn(this.#own);
  }

  #setOwn(connectors: readonly ConnectorDefinition[]): void {
    this.#own = connectors;
    this.#connectors.setLocal(this.#registry?.merge(connectors) ?? connectors);
  }

  async refreshMap(): Promise<void> {
    await this.#connectors.refresh();
  }

  async apply(connectors: readonly ConnectorDefinition[]): Promise<void> {
    this.#setOwn(connectors);
    await this.#replace(this.#connectors.current());
  }

  async followMap(settings: ServiceMapSettings | undefined): Promise<void> {
    await this.#connectors.setMap(settings);
    await this.#registry?.policyChanged();
  }

  async settled(): Promise<void> {
    await this.#feed.settled();
  }

  tools(): readonly OfferedTool[] {
    return offeredTools(this.#cell.current.all);
  }

  async call(tool: string, argumentsText: string): Promise<string> {
    return await callInProcess(this.#endpoint, tool, argumentsText);
  }

  status(): Readonly<Record<string, unknown>> {
    const { version, describeSettings } = this.#options;
    return statusDocument({
      version,
      startedAt: this.#startedAt,
      url: this.#url,
      ready: this.#ready(),
      connectors: this.manager.listConnectors(),
      map: this.#connectors.status(),
      registry: this.#registry?.status(),
      catalog: this.#cell.current,
      sessions: this.#endpoint.sessions,
      callsInFlight: this.#endpoint.answerer.inFlight,
      settings: describeSettings?.(),
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #replace(connectors: readonly ConnectorDefinition[]): Promise<void> {
    // Before the start there is nothing to sync and nobody to serve.
    if (this.#url === undefined) return;
    await this.manager.apply(connectors);
    await this.settled();
    this.#instruments.prune();
  }

  #createListener(): Listener {
    const options = this.#options;
    return createListener({
      routes: serviceRoutes({
        ...options,
        endpoint: this.#endpoint,
        health: { ready: () => this.#ready(), status: () => this.status() },
        metrics: this.#instruments.registry,
        publishedMap: options.publishedMap,
        more: [...(this.#registry?.routes() ?? []), ...this.#sse.routes],
      }),
      onError: (error) => options.logger.error({ err: error }, 'a route failed'),
    });
  }

  #ready(): boolean {
    const known = this.#connectors.settled && this.manager.complete(undefined);
    // Counts until the first whole list only.
    this.#shown ||= known && this.#feed.upToDate;
    return this.#url !== undefined && !this.#closing && known && this.#shown;
  }

  async #close(): Promise<void> {
    // What a start under way still opens must be there to be closed.
    await Promise.allSettled([this.#starting]);
    clearTimeout(this.#beginning);
    this.#feed.stop();
    this.#instruments.runtime.close();
    await this.#sse.close();
    this.#endpoint.close();
    const closed = await Promise.allSettled([
      this.#listener.close(CLOSE_GRACE_MS),
      this.#connectors.stop(),
      this.manager.disconnect(),
      this.#registry?.close(),
    ]);
    const parts = [this.#agents, this.#remoteAgents, this.#reaper];
    closed.push(...(await Promise.allSettled(parts.map(async (part) => await part.close()))));
    for (const result of closed) {
      if (result.status === 'rejected') {
        this.#options.logger.error({ err: result.reason }, 'a part did not close cleanly');
      }
    }
  }
}

// oxlint-disable-next-line no-restricted-properties -- the composition root hands chance to every part
const platformRandom = (): number => Math.random();

/** Builds and wires the parts. Nothing connects or listens before `start` (or `manager.sync`). */
export function createService(options: ServiceOptions): Service {
  return new GatewayService(options);
}
