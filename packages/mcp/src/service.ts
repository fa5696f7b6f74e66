import { CatalogCell } from './catalog/catalog.ts';
import { offeredTools, type OfferedTool } from './catalog/offered-tools.ts';
import { feedCatalog, type CatalogFeed } from './catalog-feed.ts';
import { assertLoopback } from './config/settings.ts';
import type { ConnectorDefinition } from './connectors/connector.ts';
import { createPublicLookup } from './connectors/public-lookup.ts';
import { createMapPublisher } from './connectors/map-publisher.ts';
import type { ConnectorProxyManager } from './connectors/manager.ts';
import { createConnectorSet, type ConnectorSet } from './connector-set.ts';
import { createManager } from './create-manager.ts';
import { Cancellation } from './gateway/cancellation.ts';
import { createEndpoint, type Endpoint } from './gateway/endpoint.ts';
import { createListener, type Listener, type Route } from './http/listener.ts';
import { metricsRoute } from './http/metrics.ts';
import { probeRoutes } from './http/probes.ts';
import { serviceMapRoute } from './http/service-map.ts';
import { createInProcessReply } from './gateway/in-process-reply.ts';
import { statusDocument } from './http/status-document.ts';
import { createInstruments, type Instruments } from './observability/instruments.ts';
import { createSharedAgents, type SharedAgents } from './upstream/agent.ts';
import { createReaper } from './upstream/reaper.ts';
import type { ServiceOptions } from './service-options.ts';
import { OWN_CALLER, type UpstreamAccess } from './upstream/upstream.ts';

export type { OfferedTool } from './catalog/offered-tools.ts';
export type { ServiceOptions, ServiceSettings } from './service-options.ts';

/** One gateway: its connectors, its catalog and, once started, its listener. */
export interface Service {
  readonly manager: ConnectorProxyManager;
  /**
   * Listens, and begins the first pass without waiting for it.
   * @throws the socket's error, e.g. `EADDRINUSE`.
   */
  start(): Promise<{ readonly url: string; readonly port: number }>;
  /**
   * For use without `start`: takes over the service map, if there is one, waiting for one fetch. Syncs nothing.
   */
  prepare(): Promise<void>;
  /** Fetches the service map now and syncs what it changed. Never rejects. */
  refreshMap(): Promise<void>;
  /** Makes `connectors` the desired set beside those of the service map, live. */
  apply(connectors: readonly ConnectorDefinition[]): Promise<void>;
  /** Resolves when the catalog shows what is known now. */
  settled(): Promise<void>;
  tools(): readonly OfferedTool[];
  /**
   * Calls a tool of the shared endpoint.
   * @param argumentsText raw JSON of an object.
   * @returns the whole JSON-RPC answer as text.
   */
  call(tool: string, argumentsText: string): Promise<string>;
  status(): Readonly<Record<string, unknown>>;
  /** Stops listening, ends calls and upstreams, leaves no child. Idempotent. */
  close(): Promise<void>;
}

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
  readonly #feed: CatalogFeed;
  readonly #endpoint: Endpoint;
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
    const lookup = createPublicLookup(options.serviceMap?.allowHosts ?? []);
    this.#remoteAgents = createSharedAgents({ lookup });
    this.manager = createManager(options, {
      agents: this.#agents,
      remoteAgents: this.#remoteAgents,
      remoteLookup: lookup,
      reaper: this.#reaper,
      instruments: this.#instruments,
      random,
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
    this.#endpoint = createEndpoint({
      catalog: this.#cell,
      separator,
      identity: { name: 'cortex-mcp', title: 'Cortex MCP', version: options.version },
      demand: {
        listWanted: (id) => this.#listWanted(id),
        complete: (id) => this.#complete(id),
      },
      directory: { find: (id) => this.manager.find(id) },
      instruments: this.#instruments,
      signal: {
        callFailed: (connector, code) => logger.warn({ connector, code }, 'a call failed'),
      },
      onInternalError: (error) =>
        logger.error({ err: error }, 'a request failed inside the gateway'),
    });
    this.#listener = createListener({
      routes: this.#routes(),
      onError: (error) => logger.error({ err: error }, 'a route failed'),
    });
  }

  async start(): Promise<{ readonly url: string; readonly port: number }> {
    this.#starting ??= this.#start();
    return await this.#starting;
  }

  async #start(): Promise<{ readonly url: string; readonly port: number }> {
    const { port, host } = this.#options.settings;
    assertLoopback(host);
    this.#instruments.runtime.start();
    await this.#connectors.restore();
    this.manager.adopt(this.#connectors.current());
    await this.manager.restore();
    await this.settled();
    if (this.#closing !== undefined) throw new Error('the service was closed while it started');
    const address = await this.#listener.listen(port, host);
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    this.#url = `http://${name}:${address.port}/mcp`;
    this.#beginSoon();
    return { url: this.#url, port: address.port };
  }

  #beginSoon(): void {
    const begin = (): void => {
      this.#connectors.start();
      this.manager.start();
    };
    if (this.#complete(undefined)) this.#beginning = setTimeout(begin, BEGIN_DELAY_MS);
    else begin();
  }

  async prepare(): Promise<void> {
    await this.#connectors.restore();
    await this.#connectors.refresh();
    this.manager.adopt(this.#connectors.current());
  }

  async refreshMap(): Promise<void> {
    await this.#connectors.refresh();
  }

  async apply(connectors: readonly ConnectorDefinition[]): Promise<void> {
    this.#connectors.setLocal(connectors);
    await this.#replace(this.#connectors.current());
  }

  async settled(): Promise<void> {
    await this.#feed.settled();
  }

  tools(): readonly OfferedTool[] {
    return offeredTools(this.#cell.current.all);
  }

  async call(tool: string, argumentsText: string): Promise<string> {
    const reply = createInProcessReply();
    const name = { key: 'name', text: JSON.stringify(tool) };
    const members = [name, { key: 'arguments', text: argumentsText }];
    await this.#endpoint.answerer.answer(
      {
        id: 1,
        method: 'tools/call',
        params: { members, meta: [], value: { name: tool } },
        era: 'legacy',
        connectorId: undefined,
        caller: OWN_CALLER,
        paramHeaders: {},
        cancellation: new Cancellation(),
      },
      reply,
    );
    return await reply.answered;
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

  #listWanted(connectorId: string | undefined): Promise<void> | undefined {
    const wait = this.#connectors.before(() => this.manager.listWanted(connectorId));
    // What has just been learned must be in the catalog before the list is answered.
    if (wait !== undefined) return wait.then(async () => await this.#feed.settled());
    return this.#feed.upToDate ? undefined : this.#feed.settled();
  }

  #complete(connectorId: string | undefined): boolean {
    const { settled } = this.#connectors;
    return settled && this.manager.complete(connectorId) && this.#feed.upToDate;
  }

  #ready(): boolean {
    const known = this.#connectors.settled && this.manager.complete(undefined);
    // Counts until the first whole list only.
    this.#shown ||= known && this.#feed.upToDate;
    return this.#url !== undefined && !this.#closing && known && this.#shown;
  }

  #routes(): Map<string, Route> {
    const endpoint = this.#endpoint;
    const { publishedMap, logger } = this.#options;
    return new Map<string, Route>([
      ['/mcp', { auth: 'client', handle: (req, res) => endpoint.handle(req, res, undefined) }],
      ['/mcp/', { auth: 'client', handle: (req, res, rest) => endpoint.handle(req, res, rest) }],
      ...probeRoutes({ ready: () => this.#ready(), status: () => this.status() }),
      serviceMapRoute({
        read: publishedMap && createMapPublisher(publishedMap),
        onError: (error) => logger.warn({ err: error }, 'the service map cannot be served'),
      }),
      metricsRoute(this.#instruments.registry, (error) => logger.error({ err: error }, 'a metric')),
    ]);
  }

  async #close(): Promise<void> {
    // What a start under way still opens must be there to be closed.
    await Promise.allSettled([this.#starting]);
    clearTimeout(this.#beginning);
    this.#feed.stop();
    this.#instruments.runtime.close();
    this.#endpoint.close();
    const closed = await Promise.allSettled([
      this.#listener.close(CLOSE_GRACE_MS),
      this.#connectors.stop(),
      this.manager.disconnect(),
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
