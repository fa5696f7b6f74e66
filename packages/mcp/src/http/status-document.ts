import type { Catalog } from '../catalog/catalog.ts';
import type { MapStatus } from '../connectors/map/map-status.ts';
import type { ConnectorStatus } from '../connectors/sync-report.ts';

export interface StatusFacts {
  readonly version: string;
  readonly startedAt: Date;
  readonly url: string | undefined;
  readonly ready: boolean;
  readonly connectors: readonly ConnectorStatus[];
  /** Undefined when no service map is followed. */
  readonly map: MapStatus | undefined;
  /** Undefined when no registry is used. */
  readonly registry?: object | undefined;
  /** Who has to say who he is; never a key. */
  readonly auth?: object | undefined;
  /** Of connectors that log in, by connector; never a token. */
  readonly credentials?: Readonly<Record<string, object>> | undefined;
  /** The audit log, pins and odd texts, as far as there are any. */
  readonly oversight?: Readonly<Record<string, unknown>> | undefined;
  readonly catalog: Catalog<unknown>;
  readonly sessions: number;
  readonly callsInFlight: number;
  readonly settings: Readonly<Record<string, unknown>> | undefined;
}

/** What `/status` answers: plain JSON, durations in milliseconds, no secrets. */
export function statusDocument(facts: StatusFacts): Readonly<Record<string, unknown>> {
  const { lists } = facts.catalog.all;
  return {
    service: {
      name: 'cortex-mcp',
      version: facts.version,
      pid: process.pid,
      node: process.version,
      startedAt: facts.startedAt.toISOString(),
      uptimeMs: Date.now() - facts.startedAt.getTime(),
      endpoint: facts.url,
      ready: facts.ready,
    },
    connectors: facts.connectors,
    ...(facts.map && { map: facts.map }),
    ...(facts.registry && { registry: facts.registry }),
    ...(facts.auth && { auth: facts.auth }),
    ...(Object.keys(facts.credentials ?? {}).length > 0 && { credentials: facts.credentials }),
    ...facts.oversight,
    catalog: {
      generation: facts.catalog.generation,
      tools: lists.tools.count,
      prompts: lists.prompts.count,
      resources: lists.resources.count,
      resourceTemplates: lists.resourceTemplates.count,
      warnings: facts.catalog.warnings,
    },
    clients: { sessions: facts.sessions, callsInFlight: facts.callsInFlight },
    ...(facts.settings && { settings: facts.settings }),
  };
}
