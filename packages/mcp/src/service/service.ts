import { CatalogCell } from '../catalog/catalog.ts';
import { offeredTools, type OfferedTool } from '../catalog/offered-tools.ts';
import type { CatalogFeed } from './catalog-feed.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ServiceMapSettings } from '../connectors/map/map-settings.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import { createConnectorSet, type ConnectorSet } from './connector-set.ts';
import { createManager } from './create-manager.ts';
import { createRegistryPart } from './registry/create-registry-part.ts';
import type { DrainOptions, DrainReport } from './drain.ts';
import { drainGateway, type DrainedService } from './drain-part.ts';
import type { Endpoint } from '../gateway/endpoint.ts';
import type { ListDemand } from '../gateway/ports.ts';
import { passOn } from '../gateway/listen/told.ts';
import { listenOn } from '../http/listener.ts';
import { callInProcess } from './in-process-call.ts';
import { createInstruments, type Instruments } from '../observability/instruments.ts';
import type { Oversight } from './oversight-part.ts';
import { instrumentsFor } from './page-part.ts';
import type { RegistryPart } from './registry/registry-part.ts';
import { closeParts, type ClosedParts } from './service-closing.ts';
import { createListDemand, createServiceEndpoint } from './service-endpoint.ts';
import { createServiceFeed } from './service-feed.ts';
import type { Service } from './service-interface.ts';
import { createServiceFront, type FrontParts, type ServiceFront } from './service-front.ts';
import { createServiceLog, type ServiceLog } from './service-log.ts';
import { createServiceSockets, type ServiceSockets } from './service-sockets.ts';
import type { ServiceOptions } from './service-options.ts';
import { serviceStatus, type StatusParts } from './service-status.ts';
import { createStateOwner, SOLE_OWNER, type StateOwner } from './state-owner.ts';
import type { UpstreamAccess } from '../upstream/upstream.ts';

export type { OfferedTool } from '../catalog/offered-tools.ts';
export { createRegistryServer, openConnectorLogin, serveStdio } from './other-services.ts';
export type { ConnectorLogin } from './connector-login.ts';
export type { BridgeTarget, HttpBridgeTarget } from '../gateway/bridge/stdio.ts';
export type { Service } from './service-interface.ts';
export type { ServiceOptions, ServiceSettings } from './service-options.ts';

/** What an earlier run kept is served before the first pass begins, which would hold up the first lists. */
const BEGIN_DELAY_MS = 50;

/** What tells how the service is doing, and what is drained when it goes. */
type ToldParts = Omit<StatusParts, 'front'> &
  Pick<DrainedService, 'endpoint' | 'manager' | 'owner' | 'logger' | 'log' | 'registry'> &
  ClosedParts;

class GatewayService implements Service {
  readonly manager: ConnectorProxyManager;
  readonly #options: ServiceOptions;
  readonly #sockets: ServiceSockets;
  readonly #owner: StateOwner;
  readonly #log: ServiceLog;
  readonly #cell = new CatalogCell<UpstreamAccess>();
  readonly #instruments: Instruments;
  readonly #connectors: ConnectorSet;
  readonly #registry: RegistryPart | undefined;
  #own: readonly ConnectorDefinition[];
  readonly #oversight: Oversight;
  readonly #feed: CatalogFeed;
  readonly #demand: ListDemand;
  readonly #endpoint: Endpoint;
  readonly #front: ServiceFront;
  readonly #parts: ToldParts;
  readonly #startedAt = new Date();
  #url: string | undefined;
  #shown = false;
  #starting: Promise<{ readonly url: string; readonly port: number }> | undefined;
  #beginning: NodeJS.Timeout | undefined;
  #draining: Promise<DrainReport> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { logger, state } = options;
    this.#instruments = this.#measured();
    this.#owner = state === undefined ? SOLE_OWNER : createStateOwner(state, logger);
    this.#log = createServiceLog(options, this.#owner);
    const log = this.#log;
    const { events } = log;
    const random = options.random ?? platformRandom;
    this.#sockets = createServiceSockets(options, random, {
      allowedHosts: () => this.#connectors.allowedHosts,
      renewed: (id) => void this.manager.syncOne(id),
    });
    this.#own = options.connectors;
    this.#registry = createRegistryPart(options, {
      random,
      owner: this.#owner,
      metrics: this.#instruments.registry,
      map: () => this.#connectors.mapSettings,
      changed: async () => await this.apply(this.#own),
    });
    this.manager = createManager(options, {
      inProcess: this.#registry?.servers(),
      ...this.#sockets,
      owner: this.#owner,
      events,
      instruments: this.#instruments,
      random,
      onTold: (connectorId, callerId, method, text) =>
        passOn(this.#endpoint, { connectorId, callerId, method, text }),
    });
    this.#connectors = createConnectorSet({
      ...options,
      random,
      owner: this.#owner,
      agents: this.#sockets.agents,
      instruments: this.#instruments,
      changed: async (connectors) => await this.#replace(connectors),
    });
    const fed = {
      manager: this.manager,
      connectors: this.#connectors,
      cell: this.#cell,
      instruments: this.#instruments,
    };
    const { feed, oversight } = createServiceFeed(options, fed);
    this.#feed = feed;
    this.#oversight = oversight;
    const parts = { ...fed, options, feed, oversight, log, events, owner: this.#owner };
    this.#demand = createListDemand(parts);
    this.#endpoint = createServiceEndpoint(parts, this.#demand);
    const [endpoint, registry, sockets] = [this.#endpoint, this.#registry, this.#sockets];
    this.#parts = { ...parts, endpoint, registry, sockets, logger };
    this.#front = createServiceFront({ ...this.#parts, ...parts, random, ...this.#told() });
  }

  #told(): Pick<FrontParts, 'health' | 'life'> {
    return {
      health: {
        ready: () => this.#ready(),
        started: () => this.#url !== undefined,
        status: () => this.status(),
      },
      life: {
        startedAt: this.#startedAt,
        draining: () => this.#draining !== undefined,
        own: () => this.#own,
      },
    };
  }

  #measured(): Instruments {
    return createInstruments(
      {
        connectors: () => this.manager.listConnectors(),
        catalogLists: () => this.#cell.current.all.lists,
        callsInFlight: () => this.#endpoint.answerer.inFlight,
        sessions: () => this.#endpoint.sessions,
        draining: () => this.#draining !== undefined,
        pools: () => this.#sockets.pools(),
        nodeOptions: this.#options.baseEnv['NODE_OPTIONS'],
      },
      instrumentsFor(this.#options.settings),
    );
  }

  get routes(): Service['routes'] {
    return this.#front.routes;
  }

  async start(): Promise<{ readonly url: string; readonly port: number }> {
    this.#starting ??= this.#start();
    return await this.#starting;
  }

  async #start(): Promise<{ readonly url: string; readonly port: number }> {
    await this.#front.auth.open(this.#options.settings.host);
    this.#owner.start();
    this.#instruments.runtime.start();
    await Promise.all([this.#connectors.restore(), this.#openRegistry()]);
    this.manager.adopt(this.#connectors.current());
    await this.#oversight.prepare();
    await this.manager.restore();
    if (this.#closing !== undefined) throw new Error('the service was closed while it started');
    const { url, origin, port } = await listenOn(this.#front.listener, this.#options.settings);
    // Who asks before the catalog is built is let in, and waits for it.
    await this.settled();
    this.#url = url;
    this.#front.auth.follow();
    void this.#registry?.listening(origin);
    this.#tellStarted(url);
    this.#beginSoon();
    return { url, port };
  }

  #tellStarted(url: string): void {
    const definitions = this.#connectors.current();
    const known = this.manager.listConnectors();
    this.#log.started({ url, definitions, known, ready: () => this.#ready() });
  }

  #beginSoon(): void {
    const begin = (): void => {
      this.#connectors.start();
      this.manager.start();
      void this.#oversight.start();
    };
    if (this.#demand.complete(undefined)) this.#beginning = setTimeout(begin, BEGIN_DELAY_MS);
    else begin();
  }

  async prepare(): Promise<void> {
    await Promise.all([this.#connectors.restore(), this.#openRegistry()]);
    await this.#connectors.refresh();
    this.manager.adopt(this.#connectors.current());
    await this.#oversight.prepare();
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
    const life = { startedAt: this.#startedAt, url: this.#url, ready: this.#ready() };
    return serviceStatus({ ...this.#parts, front: this.#front }, life);
  }

  async drain(options: DrainOptions): Promise<DrainReport> {
    const close = async (): Promise<void> => await this.close();
    const parts = { ...this.#parts, ...this.#front, close };
    this.#draining ??= drainGateway(parts, options);
    return await this.#draining;
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #replace(connectors: readonly ConnectorDefinition[]): Promise<void> {
    // Before the start there is nothing to sync and nobody to serve.
    if (this.#url === undefined) return;
    this.#log.wanted(connectors);
    await this.manager.apply(connectors);
    await this.settled();
    this.#instruments.prune();
  }

  #ready(): boolean {
    const known = this.#connectors.settled && this.manager.complete(undefined);
    // Counts until the first whole list only.
    this.#shown ||= known && this.#feed.upToDate;
    return this.#url !== undefined && !(this.#draining ?? this.#closing) && known && this.#shown;
  }

  async #close(): Promise<void> {
    // What a start under way still opens must be there to be closed.
    await Promise.allSettled([this.#starting]);
    clearTimeout(this.#beginning);
    this.#feed.stop();
    this.#instruments.runtime.close();
    await closeParts(this.#parts, this.#front);
    this.#log.stopped();
  }
}

// oxlint-disable-next-line no-restricted-properties -- the composition root hands chance to every part
const platformRandom = (): number => Math.random();

/** Builds and wires the parts. Nothing connects or listens before `start` (or `manager.sync`). */
export function createService(options: ServiceOptions): Service {
  return new GatewayService(options);
}
