import type { Logger } from 'pino';
import pLimit from 'p-limit';
import { CatalogCell } from './catalog/catalog.ts';
import { feedCatalog, type CatalogFeed } from './catalog-feed.ts';
import type { ConnectorDefinition } from './connectors/connector.ts';
import { ConnectorProxyManager } from './connectors/manager.ts';
import { createManifestStore } from './connectors/manifest-store.ts';
import { createEndpoint, type Endpoint } from './gateway/endpoint.ts';
import { createListener, type Listener, type Route } from './http/listener.ts';
import { probeRoutes } from './http/probes.ts';
import { createInProcessReply } from './gateway/in-process-reply.ts';
import { statusDocument } from './http/status-document.ts';
import { createSharedAgents } from './upstream/agent.ts';
import { createReaper } from './upstream/reaper.ts';
import type { UpstreamAccess } from './upstream/upstream.ts';
import { createUpstreamFactory } from './upstream-factory.ts';

/** Settings the service acts on. Times in milliseconds; defaults are those of contract.md. */
export interface ServiceSettings {
  readonly port: number;
  readonly host: string;
  /** Longest wait of a first list. */
  readonly firstListWaitMs: number;
  readonly syncConcurrency: number;
  /** Processes starting at the same time. */
  readonly processStartConcurrency: number;
  readonly refreshIntervalMs: number;
  readonly separator: string;
  /** `MCP_CONNECTOR_PARALLEL_SYNC`: false syncs one connector after the other. */
  readonly parallelSync: boolean;
  /** False (`MCP_CONNECTOR_REFRESH_SYNC`) refreshes only when a list is asked for. */
  readonly backgroundRefresh: boolean;
  /** Manifests are kept here over a restart; undefined keeps nothing. */
  readonly manifestFolder: string | undefined;
  /** `MCP_LIST_PREBUILT`: false serialises lists per request. */
  readonly listPrebuilt: boolean;
}

export interface ServiceOptions {
  readonly connectors: readonly ConnectorDefinition[];
  readonly settings: ServiceSettings;
  readonly logger: Logger;
  /** The environment children inherit an allow-listed part of. */
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  /** Our own version, as servers and clients are told. */
  readonly version: string;
  /** Uniform in [0, 1). Default: the platform's. */
  readonly random?: () => number;
  /** When the wait of a first list began, on the clock of `performance.now()`; 0 is the process's start. Default: now. */
  readonly startedAtMs?: number;
  /** Settings with their origins, for `/status`. */
  readonly describeSettings?: () => Readonly<Record<string, unknown>>;
}

/** A tool as the shared endpoint offers it. */
export interface OfferedTool {
  readonly name: string;
  readonly connectorId: string;
  readonly description: string | undefined;
}

/** One gateway: its connectors, its catalog and, once started, its listener. */
export interface Service {
  readonly manager: ConnectorProxyManager;
  /**
   * Listens, and begins the first pass without waiting for it.
   * @throws the socket's error, e.g. `EADDRINUSE`.
   */
  start(): Promise<{ readonly url: string; readonly port: number }>;
  /** Makes `connectors` the desired set, live. */
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

class GatewayService implements Service {
  readonly manager: ConnectorProxyManager;
  readonly #options: ServiceOptions;
  readonly #agents = createSharedAgents();
  readonly #reaper = createReaper();
  readonly #cell = new CatalogCell<UpstreamAccess>();
  readonly #feed: CatalogFeed;
  readonly #endpoint: Endpoint;
  readonly #listener: Listener;
  readonly #startedAt = new Date();
  #url: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { settings, logger } = options;
    this.manager = this.#createManager();
    const { separator, listPrebuilt } = settings;
    this.#feed = feedCatalog(
      this.manager,
      this.#cell,
      { separator, prebuilt: listPrebuilt },
      (error) => logger.error({ err: error }, 'the catalog could not be built; the last one stays'),
    );
    this.#endpoint = createEndpoint({
      catalog: this.#cell,
      separator,
      identity: { name: 'cortex-mcp', title: 'Cortex MCP', version: options.version },
      demand: {
        listWanted: (id) => this.#listWanted(id),
        complete: (id) => this.manager.complete(id),
      },
      directory: { find: (id) => this.manager.find(id) },
      signal: {
        callFailed: (connector, code) => logger.warn({ connector, code }, 'a call failed'),
      },
      onInternalError: (error) =>
        logger.error({ err: error }, 'a request failed inside the gateway'),
    });
    this.#listener = createListener({ routes: this.#routes() });
  }

  async start(): Promise<{ readonly url: string; readonly port: number }> {
    const { port, host } = this.#options.settings;
    await this.manager.restore();
    await this.settled();
    const address = await this.#listener.listen(port, host);
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    this.#url = `http://${name}:${address.port}/mcp`;
    this.manager.start();
    return { url: this.#url, port: address.port };
  }

  async apply(connectors: readonly ConnectorDefinition[]): Promise<void> {
    await this.manager.apply(connectors);
    await this.settled();
  }

  async settled(): Promise<void> {
    await this.#feed.settled();
  }

  tools(): readonly OfferedTool[] {
    const { tools } = this.#cell.current.all.lists;
    const listed: unknown = JSON.parse(`{${tools.bytes().toString('utf8')}}`);
    const items: unknown = typeof listed === 'object' && listed && Reflect.get(listed, 'tools');
    return (Array.isArray(items) ? items : []).map((item: object) => {
      const name = String(Reflect.get(item, 'name'));
      const description: unknown = Reflect.get(item, 'description');
      return {
        name,
        connectorId: this.#cell.current.all.tools.get(name)?.connectorId ?? '',
        description: typeof description === 'string' ? description : undefined,
      };
    });
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
        callerId: '',
        paramHeaders: {},
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

  #createManager(): ConnectorProxyManager {
    const { settings, logger, baseEnv, version, connectors } = this.#options;
    const random = this.#options.random ?? platformRandom;
    const { manifestFolder } = settings;
    const store =
      manifestFolder === undefined
        ? undefined
        : createManifestStore(manifestFolder, (file, error) =>
            logger.warn({ file, err: error }, 'a kept manifest cannot be used'),
          );
    return new ConnectorProxyManager({
      connectors,
      random,
      store,
      startedAtMs: this.#options.startedAtMs,
      backgroundRefresh: settings.backgroundRefresh,
      refreshIntervalMs: settings.refreshIntervalMs,
      onError: (what, error) => logger.warn({ err: error }, what),
      syncConcurrency: settings.parallelSync ? settings.syncConcurrency : 1,
      firstListWaitMs: settings.firstListWaitMs,
      createUpstream: createUpstreamFactory({
        agents: this.#agents,
        reaper: this.#reaper,
        baseEnv,
        clientInfo: { name: 'cortex-mcp', version },
        limitStart: pLimit(Math.max(1, settings.processStartConcurrency)),
        random,
        logger,
      }),
    });
  }

  #listWanted(connectorId: string | undefined): Promise<void> | undefined {
    const wait = this.manager.listWanted(connectorId);
    // What has just been learned must be in the catalog before the list is answered.
    return wait?.then(async () => await this.#feed.settled());
  }

  #ready(): boolean {
    return this.#url !== undefined && !this.#closing && this.manager.complete(undefined);
  }

  #routes(): Map<string, Route> {
    const endpoint = this.#endpoint;
    return new Map<string, Route>([
      ['/mcp', { auth: 'client', handle: (req, res) => endpoint.handle(req, res, undefined) }],
      ['/mcp/', { auth: 'client', handle: (req, res, rest) => endpoint.handle(req, res, rest) }],
      ...probeRoutes({ ready: () => this.#ready(), status: () => this.status() }),
    ]);
  }

  async #close(): Promise<void> {
    this.#feed.stop();
    this.#endpoint.close();
    const closed = await Promise.allSettled([
      this.#listener.close(CLOSE_GRACE_MS),
      this.manager.disconnect(),
    ]);
    closed.push(...(await Promise.allSettled([this.#agents.close(), this.#reaper.close()])));
    for (const result of closed) {
      if (result.status === 'rejected') {
        this.#options.logger.error({ err: result.reason }, 'a part did not close cleanly');
      }
    }
  }
}

// oxlint-disable-next-line no-restricted-properties -- the composition root hands chance to every part
const platformRandom = (): number => Math.random();

/** Builds the parts and wires them. Nothing connects or listens before `start` (or `manager.sync`). */
export function createService(options: ServiceOptions): Service {
  return new GatewayService(options);
}
