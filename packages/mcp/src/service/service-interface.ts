import type { RouteRules } from '../auth/route-rules.ts';
import type { OfferedTool } from '../catalog/offered-tools.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ServiceMapSettings } from '../connectors/map/map-settings.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { DrainOptions, DrainReport } from './drain.ts';

/** One gateway: its connectors, its catalog and, once started, its listener. */
export interface Service {
  readonly manager: ConnectorProxyManager;
  /** Every path that is served, with who may use it; one that ends in `/` stands for all below it. */
  readonly routes: ReadonlyMap<string, RouteRules>;
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
  /** Follows another service map, the same one by other settings, or none, live; resolves when it is in force. */
  followMap(settings: ServiceMapSettings | undefined): Promise<void>;
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
  /**
   * Goes without failing a request: keeps answering while clients are told to move on, then waits for calls under way,
   * then closes. Later calls join the first.
   */
  drain(options: DrainOptions): Promise<DrainReport>;
  /** Stops listening, ends calls and upstreams, leaves no child. Idempotent. */
  close(): Promise<void>;
}
