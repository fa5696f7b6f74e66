import { z } from 'zod';
import type { BulkheadLimits, ConnectorDefinition } from '../connectors/connector.ts';
import { boolean, integer, type OptionalShape } from './schema-words.ts';

/** Settings that bound calls (contract.md, bulkhead). */
export interface CallSettingValues extends BulkheadLimits {
  readonly maxCalls: number;
  readonly maxCallsPerPrincipal: number;
}

export const DEFAULT_CALL_SETTINGS: CallSettingValues = {
  maxInFlight: 32,
  maxQueued: 64,
  queueTimeoutMs: 1_000,
  maxCalls: 10_000,
  maxCallsPerPrincipal: 1_000,
};

const inFlight = integer(1, 10_000);
const queued = integer(0, 10_000);
const queueTimeout = integer(1, 60_000);

export const callSettingShape: OptionalShape<CallSettingValues> = {
  maxInFlight: inFlight.optional().meta({
    description: 'Calls to one connector at a time.',
    default: DEFAULT_CALL_SETTINGS.maxInFlight,
  }),
  maxQueued: queued.optional().meta({
    description: 'Calls that wait for one of those to end; one more is refused.',
    default: DEFAULT_CALL_SETTINGS.maxQueued,
  }),
  queueTimeoutMs: queueTimeout.optional().meta({
    description: 'How long they wait.',
    default: DEFAULT_CALL_SETTINGS.queueTimeoutMs,
  }),
  maxCalls: integer(1, 1_000_000).optional().meta({
    description: 'Calls of all clients at a time.',
    default: DEFAULT_CALL_SETTINGS.maxCalls,
  }),
  maxCallsPerPrincipal: integer(1, 1_000_000).optional().meta({
    description: 'Calls at a time of one key or token.',
    default: DEFAULT_CALL_SETTINGS.maxCallsPerPrincipal,
  }),
};

const bulkhead = z.object(
  {
    maxInFlight: inFlight.optional().meta({ description: 'Calls to it at a time.' }),
    maxQueued: queued.optional().meta({ description: 'Calls that wait for one of those to end.' }),
    queueTimeoutMs: queueTimeout.optional().meta({ description: 'How long they wait.' }),
  },
  'must be an object',
);
export const BULKHEAD_KEYS: readonly string[] = Object.keys(bulkhead.shape);

/** What an entry says of its calls. */
export type FileCallLimits = Pick<ConnectorDefinition, 'bulkhead' | 'trusted'>;

/** Keys of an entry that concern its calls. */
export const callLimitShape: OptionalShape<FileCallLimits> = {
  bulkhead: bulkhead.optional().meta({
    description: 'As the settings maxInFlight, maxQueued and queueTimeoutMs, for this connector.',
  }),
  trusted: boolean.optional().meta({
    description:
      'What its tools say of themselves is believed: those that are readOnlyHint or idempotentHint may be called again when the connection breaks.',
    default: false,
  }),
};

/** As a definition has it. */
export function readCallLimits({ bulkhead: limits, trusted }: FileCallLimits): FileCallLimits {
  return {
    ...(limits !== undefined && { bulkhead: limits }),
    ...(trusted !== undefined && { trusted }),
  };
}
