import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { RegistryHandle } from '@cortex-os/mcp-registry';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { hasRegistry } from '../../config/config-source.ts';
import type { Secret } from '../../connectors/secret.ts';
import type { ConnectorDefinition } from '../../connectors/connector.ts';
import type { Route } from '../../http/route.ts';
import { registryApiRoute, registryControlRoute } from '../../http/registry.ts';
import { registerRegistryMetrics } from '../../observability/registry-instruments.ts';
import type { Traced } from '../../observability/traced-work.ts';
import { createLateRegistryApi, type LateRegistryApi } from './late-registry-api.ts';
import type { ApiPort } from './registry-api-port.ts';
import type { RegistryConnectorPolicy } from './registry-connectors.ts';
import { createControlFile, type ControlFile } from './registry-control-file.ts';
import { RegistryOffer } from './registry-offer.ts';
import type { OpenRegistry } from './registry-opening.ts';
import { registryRest } from './registry-rest.ts';
import { shownHealth, type RegistryStatus } from './registry-status.ts';
import { createRegistryToolServer, REGISTRY_CONNECTOR_ID } from './registry-tool-server.ts';
import type { InProcessServer } from '../../upstream/in-process-upstream.ts';

/** What a service does with the registry of its state folder. */
export interface RegistryServiceOptions {
  readonly stateFolder: string;
  /** `MCP_REGISTRY_MEMORY_CACHE`: false reads and writes the files each time. */
  readonly memoryCache: boolean;
  /** Serves the tools of the connector `registry`. */
  readonly tools: boolean;
  /** Serves `/v0.1/…`. */
  readonly http: boolean;
  /** Lets writers of the API in; undefined lets nobody write by HTTP. */
  readonly apiKey: Secret<string> | undefined;
  /** When a registry without any files is opened, from the time the service listens. Default: 2000 ms. */
  readonly openDelayMs?: number;
  /** False for commands that end: they read once, hold nothing and follow nothing. */
  readonly lasting: boolean;
}

export interface RegistryPartOptions extends RegistryServiceOptions {
  /** Asked whenever the registry is read. */
  readonly policy: () => RegistryConnectorPolicy;
  readonly version: string;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly traced?: Traced | undefined;
  readonly random: () => number;
  /** How long writes wait for another process to let go of the registry, in ms. Default: not at all. */
  readonly lockWaitMs?: (() => number) | undefined;
  /** The registry has changed what should be connected. */
  readonly changed: () => Promise<void>;
}

const REGISTRY_FILE = 'servers.json';

/** Changes that come together, as those of an import, are taken together. */
const SETTLE_MS = 50;

/** The registry inside a service: its connectors, its tools, its routes. */
export class RegistryPart {
  readonly #options: RegistryPartOptions;
  readonly #control: ControlFile;
  readonly #undo: (() => void)[] = [];
  readonly #writers = new WeakSet<IncomingMessage>();
  #opening: Promise<void> | undefined;
  #open: OpenRegistry | undefined;
  readonly #api: LateRegistryApi;
  #state: RegistryStatus['state'] = 'opening';
  #failure: string | undefined;
  readonly #offer: RegistryOffer;
  #origin: string | undefined;
  #published = false;
  #publishing: Promise<void> | undefined;
  #closing = false;
  readonly #wake = new AbortController();
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly #instruments: ReturnType<typeof registerRegistryMetrics>;
  /** Uses wait for the opening. */
  readonly #handle: RegistryHandle = {
    use: async (use, work) => {
      await this.open();
      const open = await this.#required();
      const value = await open.handle.use(use, work);
      // A reader may have become the writer just now.
      if (use === 'write') await this.#announce();
      return value;
    },
  };

  constructor(options: RegistryPartOptions) {
    this.#options = options;
    this.#offer = new RegistryOffer(options);
    this.#control = createControlFile(options.stateFolder);
    const mayWrite = (request: IncomingMessage): boolean => this.#writers.has(request);
    const apiKey = options.apiKey?.reveal();
    this.#api = createLateRegistryApi({ apiKey, mayWrite }, options.logger);
    this.#instruments = registerRegistryMetrics(
      options.metrics,
      () => this.#facts(),
      options.traced,
    );
  }

  /** Opens the registry and reads it; a failure is logged and shown in the status. Never rejects. */
  async open(): Promise<void> {
    this.#wake.abort();
    if (!this.#closing) this.#opening ??= this.#tryOpen();
    await this.#opening;
  }

  /**
   * Opens the registry if it has any files. One without is opened some time after `listening`, or when somebody wants
   * it: loading the code for it would hold up the first pass, and there is nothing to read.
   */
  async openExisting(): Promise<void> {
    if (await hasRegistry(this.#options.stateFolder)) await this.open();
  }

  /** The service listens at `origin`, e.g. `http://127.0.0.1:3024`; undefined when others cannot reach it. */
  async listening(origin: string | undefined): Promise<void> {
    this.#origin = origin;
    const isLate = this.#opening === undefined;
    if (isLate) await registryRest(this.#options.openDelayMs, this.#wake.signal);
    await this.open();
    if (isLate && this.#offer.size > 0) await this.#options.changed();
    await this.#announce();
    void this.#prepareApi();
  }

  /** Whoever wrote the registry has let go of it: this process does from now on. */
  async takeOver(): Promise<void> {
    await this.#opening;
    await this.#open?.takeOver();
    await this.#announce();
  }

  /** What the policy allows has changed. */
  async policyChanged(): Promise<void> {
    if (this.#open !== undefined) await this.#update(this.#open);
  }

  /** The tools of the registry as connectors reach them; empty when they are switched off. */
  servers(): ReadonlyMap<string, InProcessServer> {
    const { tools, version, logger } = this.#options;
    if (!tools) return new Map();
    const server = createRegistryToolServer(version, {
      handle: this.#handle,
      now: () => new Date(),
      onError: (error) => logger.warn({ err: error }, 'a registry tool failed'),
    });
    return new Map([[REGISTRY_CONNECTOR_ID, server]]);
  }

  routes(): readonly (readonly [string, Route])[] {
    const { http, logger } = this.#options;
    const control = registryControlRoute({
      token: () => (this.#published ? this.#control.token : undefined),
      handle: this.#handle,
      onError: (error) => logger.warn({ err: error }, 'the registry could not be written'),
    });
    if (!http) return [control];
    const api = async (): ReturnType<Parameters<typeof registryApiRoute>[0]['api']> => {
      await this.open();
      const handle = (await this.#openApi())?.current();
      if (handle === undefined) return undefined;
      return (request, response) => {
        // A write takes the lock if nobody has it, even when it is refused after that.
        response.once('close', () => void this.#announce());
        handle(request, response);
      };
    };
    const { apiKey } = this.#options;
    const route = registryApiRoute({ api, apiKey: apiKey?.reveal(), writers: this.#writers });
    return [route, control];
  }

  /** `own` with the registry's connectors beside them; an id of `own` wins. */
  merge(own: readonly ConnectorDefinition[]): readonly ConnectorDefinition[] {
    return this.#offer.merge(own);
  }

  status(): RegistryStatus {
    const health = this.#open?.health();
    return {
      path: join(this.#options.stateFolder, REGISTRY_FILE),
      state: this.#state,
      ...(this.#failure !== undefined && { failure: this.#failure }),
      ...(health !== undefined && { health: shownHealth(health) }),
      connectors: this.#offer.size,
      used: this.#offer.used,
      warnings: this.#offer.warnings,
    };
  }

  /** Flushes and releases the registry. @throws RegistryError when something could not be written. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake.abort();
    this.#ended.abort();
    await this.#opening;
    this.#state = 'closed';
    clearTimeout(this.#timer);
    for (const undo of this.#undo) undo();
    await this.#api.close();
    await this.#publishing;
    if (this.#published) await this.#control.remove();
    this.#published = false;
    await this.#open?.close();
  }

  /** Makes the list that the first request would have to wait for, once the first pass has had its time. */
  async #prepareApi(): Promise<void> {
    await registryRest(this.#options.openDelayMs, this.#ended.signal);
    if (!this.#closing) await (await this.#openApi())?.ready();
  }

  async #tryOpen(): Promise<void> {
    const { stateFolder, memoryCache, lasting, random, lockWaitMs, logger } = this.#options;
    const opening = {
      path: join(stateFolder, REGISTRY_FILE),
      random,
      lockWaitMs,
      instruments: this.#instruments,
      onWarning: ({ kind, message }: { kind: string; message: string }) =>
        logger.warn({ kind }, message),
    };
    try {
      const { openDirect, openInMemory } = await import('./registry-opening.ts');
      this.#open = lasting && memoryCache ? await openInMemory(opening) : openDirect(opening);
      await this.#offer.read(this.#open.handle);
      this.#state = 'open';
      const open = this.#open;
      if (lasting) this.#undo.push(open.onChange(() => this.#noteChange(open)));
    } catch (error) {
      this.#state = 'failed';
      this.#failure = error instanceof Error ? error.message : String(error);
      logger.error({ err: error }, 'the registry cannot be used; the service runs without it');
    }
  }

  /** Undefined while there is nothing that it could answer with. */
  async #openApi(): Promise<ApiPort | undefined> {
    const { http, lasting } = this.#options;
    const isServed = http && lasting && this.#state === 'open';
    return isServed && this.#open !== undefined ? await this.#api.of(this.#open) : undefined;
  }

  #noteChange(open: OpenRegistry): void {
    void this.#announce();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#update(open).catch((error: unknown) =>
        this.#options.logger.warn({ err: error }, 'a change of the registry was not taken'),
      );
    }, SETTLE_MS);
  }

  async #update(open: OpenRegistry): Promise<void> {
    const isOther = await this.#offer.read(open.handle);
    if (isOther && this.#state === 'open') await this.#options.changed();
  }

  /** Says where this service can be asked to write, as soon as it holds the lock and listens. */
  async #announce(): Promise<void> {
    const writes = this.#open?.health()?.access.kind === 'writer';
    if (!writes || this.#published || this.#origin === undefined || this.#state !== 'open') return;
    this.#publishing ??= this.#publish(this.#origin);
    await this.#publishing;
  }

  async #publish(origin: string): Promise<void> {
    try {
      await this.#control.publish(origin);
      this.#published = true;
    } catch (error) {
      this.#options.logger.warn(
        { err: error },
        'cortex-mcp cannot write to the registry meanwhile',
      );
    } finally {
      this.#publishing = undefined;
    }
  }

  async #required(): Promise<OpenRegistry> {
    if (this.#open !== undefined && this.#state === 'open') return this.#open;
    const why = this.#failure ?? 'it was closed';
    const { RegistryError } = await import('@cortex-os/mcp-registry');
    throw new RegistryError('EREGISTRYCLOSED', `the registry is not open: ${why}`);
  }

  #facts(): ReturnType<Parameters<typeof registerRegistryMetrics>[1]> {
    const health = this.#open?.health();
    return health && { ...health, access: health.access.kind };
  }
}
