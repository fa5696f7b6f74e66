import { z } from 'zod';
import { CommandError } from '../protocol/command-error.ts';
import { parseExposition, type Scrape } from './exposition.ts';

/** A connector as `/status` shows it, as far as it matters here. */
export interface ReadConnector {
  readonly id: string;
  readonly state: string;
  /** The step under way, or the last one tried. */
  readonly phase: string;
  /** How long the attempt under way has taken; undefined when there is none. */
  readonly busyMs: number | undefined;
  readonly transport: string | undefined;
  /** Its processes, each the leader of a process group. */
  readonly pids: readonly number[];
  readonly asleep: boolean;
  /** How often its connection or process ended without the service's doing; undefined when it never did. */
  readonly losses?: number | undefined;
  readonly breaker: string | undefined;
  readonly inFlight: number | undefined;
  readonly queued: number | undefined;
  readonly failure: { readonly phase: string; readonly code: string } | undefined;
  readonly replicas: number;
}

/** A running service as its own routes show it. */
export interface ServiceReading {
  /** When it was read, on a clock that is never set. */
  readonly atMs: number;
  readonly version: string;
  readonly pid: number;
  readonly node: string;
  readonly startedAt: string;
  readonly endpoint: string | undefined;
  readonly connectors: readonly ReadConnector[];
  /** A setting's value in force; undefined when it is not shown. */
  setting(name: string): unknown;
  readonly metrics: Scrape;
}

const text = z.string();
const statusSchema = z.object({
  service: z.object({
    name: z.literal('cortex-mcp'),
    version: text,
    pid: z.number(),
    node: text,
    startedAt: text,
    endpoint: text.optional(),
  }),
  connectors: z.array(
    z.object({
      id: text,
      state: text,
      phase: text.default(''),
      busyMs: z.number().optional(),
      transport: text.optional(),
      pids: z.array(z.number()).default([]),
      asleep: z.boolean().default(false),
      losses: z.number().optional(),
      calls: z
        .object({ breaker: text, inFlight: z.number(), queued: z.number() })
        .partial()
        .optional(),
      failure: z.object({ phase: text.default(''), code: text }).optional(),
      replicas: z.array(z.unknown()).default([]),
    }),
  ),
  settings: z.record(z.string(), z.unknown()).default({}),
});

/**
 * What two answers say of a service.
 * @throws CommandError when `status` is not that of Cortex MCP.
 */
export function readService(
  atMs: number,
  { status, metrics }: { readonly status: unknown; readonly metrics: string },
): ServiceReading {
  const parsed = statusSchema.safeParse(status);
  if (!parsed.success)
    throw new CommandError(
      'NOT_A_GATEWAY',
      'what answers there is no Cortex MCP, or of another version',
    );
  const { service, connectors, settings } = parsed.data;
  return {
    atMs,
    version: service.version,
    pid: service.pid,
    node: service.node,
    startedAt: service.startedAt,
    endpoint: service.endpoint,
    connectors: connectors.map((one) => ({
      id: one.id,
      state: one.state,
      phase: one.phase,
      busyMs: one.busyMs,
      transport: one.transport,
      pids: one.pids,
      asleep: one.asleep,
      losses: one.losses,
      breaker: one.calls?.breaker,
      inFlight: one.calls?.inFlight,
      queued: one.calls?.queued,
      failure: one.failure,
      replicas: one.replicas.length,
    })),
    setting: (name) => {
      const held = settings[name];
      return typeof held === 'object' && held !== null && 'value' in held ? held.value : undefined;
    },
    metrics: parseExposition(metrics, Date.now()),
  };
}
