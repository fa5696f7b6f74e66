import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { AuditLog } from '../audit/audit-log.ts';
import type { AuditOutcome } from '../audit/audit-line.ts';
import type { ToolDefinition } from '../catalog/catalog.ts';
import type { CallObserver, EndedCall } from '../gateway/ports.ts';
import { createAuditMetrics } from '../observability/audit-instruments.ts';
import type { Instruments } from '../observability/instruments.ts';
import { META, NAME_PARAM } from '../protocol/revision.ts';

/** What is recorded of calls, and where. */
export interface AuditOptions {
  /** Holds `audit.jsonl`. */
  readonly stateFolder: string;
  /** Refuses calls while they cannot be recorded. Default: false. */
  readonly required?: boolean | undefined;
  /** Default 64 MiB. */
  readonly maxFileBytes?: number | undefined;
  /** Files kept beside the current one. Default 8. */
  readonly maxFiles?: number | undefined;
}

/** The audit log of a service. */
export interface AuditPart {
  readonly observer: CallObserver;
  /** Records something beside calls. */
  event(event: string, about: { readonly connector?: string; readonly detail?: string }): void;
  /** Finds out whether calls can be recorded; only with `required`. */
  start(): Promise<void>;
  status(): object;
  /** Resolves when everything recorded before is in the file. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface AuditParts {
  readonly logger: Logger;
  readonly instruments: Pick<Instruments, 'registry'>;
  /** The hash of a tool's definition. */
  readonly hashOf: (definition: ToolDefinition) => string;
}

/** Refusals that were found out only when the call was on its way. */
const REFUSALS: ReadonlySet<string | number> = new Set([
  'BREAKER_OPEN',
  'BULKHEAD_FULL',
  'QUOTA_EXCEEDED',
  'RATE_LIMITED',
]);
const TRACE_ID = /^"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;
/** Hex digits of a digest: 128 bits. */
const DIGEST_LENGTH = 32;
/** Clients whose name is remembered, so that it is not parsed for each call. */
const MAX_CLIENTS = 256;
const MAX_CLIENT_LENGTH = 2_048;

/** A URI without what may hold a secret: its user info, query and fragment. */
function shownUri(uri: string): string {
  return uri.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
}

/** What the client called; an id of a task is a handle, and not shown. */
function nameOf({ method, params }: EndedCall): string | undefined {
  const key = NAME_PARAM.get(method);
  if (key === 'taskId') return undefined;
  if (key === undefined) return referenceName(params.value['ref']);
  const name = params.value[key];
  if (typeof name !== 'string') return undefined;
  return key === 'uri' ? shownUri(name) : name;
}

function referenceName(ref: unknown): string | undefined {
  if (typeof ref !== 'object' || ref === null) return undefined;
  const name: unknown = Reflect.get(ref, 'name');
  const uri: unknown = Reflect.get(ref, 'uri');
  if (typeof name === 'string') return name;
  return typeof uri === 'string' ? shownUri(uri) : undefined;
}

/** Digest of what the call was made with, as the client wrote it: SHA-256, the first 128 bits. */
function digestOf({ params }: EndedCall): string | undefined {
  for (const { key, text } of params.members) {
    if (key === 'arguments' || key === 'uri' || key === 'argument') {
      return hash('sha256', text).slice(0, DIGEST_LENGTH);
    }
  }
  return undefined;
}

function traceOf({ params }: EndedCall): string | undefined {
  const member = params.meta.find(({ key }) => key === 'traceparent');
  return member && TRACE_ID.exec(member.text)?.[1];
}

/** `name/version` of `clientInfo`. */
function readClient(infoText: string): string {
  const info: unknown = JSON.parse(infoText);
  if (typeof info !== 'object' || info === null) return '';
  const [name, version]: unknown[] = ['name', 'version'].map((key) => Reflect.get(info, key));
  if (typeof name !== 'string') return '';
  return typeof version === 'string' ? `${name}/${version}` : name;
}

function createClientNames(): (call: EndedCall) => string | undefined {
  const known = new Map<string, string>();
  return ({ params, session }) => {
    const text =
      session === undefined
        ? params.meta.find(({ key }) => key === META.clientInfo)?.text
        : session.client.infoText;
    if (text === undefined || text.length > MAX_CLIENT_LENGTH) return undefined;
    let name = known.get(text);
    if (name === undefined) {
      name = readClient(text);
      if (known.size >= MAX_CLIENTS) known.clear();
      known.set(text, name);
    }
    return name === '' ? undefined : name;
  };
}

/** Brings back what the server asked for: only a modern client's request can. */
function isRetry({ params: { value } }: EndedCall): boolean {
  return value['requestState'] !== undefined || value['inputResponses'] !== undefined;
}

function outcomeOf({ outcome, code }: EndedCall): AuditOutcome {
  return outcome === 'failed' && code !== undefined && REFUSALS.has(code) ? 'refused' : outcome;
}

/** The audit log of a service, `audit.jsonl` in its state folder. Nothing is opened before the first record. */
export function createAuditPart(options: AuditOptions, parts: AuditParts): AuditPart {
  const { stateFolder, required = false, maxFileBytes, maxFiles } = options;
  const path = join(stateFolder, 'audit.jsonl');
  const log = new AuditLog({
    path,
    maxFileBytes,
    maxFiles,
    onTrouble: (error, lost) => {
      if (error === undefined) parts.logger.warn({ path, lost }, 'the audit log is written again');
      else parts.logger.error({ path, err: error }, 'the audit log cannot be written');
    },
    onLost: (lost) => parts.logger.error({ path, lost }, 'audit records were lost'),
  });
  const clientOf = createClientNames();
  createAuditMetrics(parts.instruments.registry, log);
  return {
    observer: {
      ended: (call) => {
        const { principal, definition, startedAtMs } = call;
        log.call({
          atMs: Date.now(),
          principal: principal.id,
          key: principal.kind === 'key' ? principal.id.slice('key:'.length) : undefined,
          connector: call.connectorId,
          method: call.method,
          name: nameOf(call),
          definition: definition && parts.hashOf(definition),
          digest: digestOf(call),
          outcome: outcomeOf(call),
          code: call.code,
          ms: startedAtMs === undefined ? 0 : performance.now() - startedAtMs,
          trace: traceOf(call),
          client: clientOf(call),
          retry: isRetry(call),
        });
      },
      refusal: () =>
        required && log.failing ? 'the audit log cannot be written, so no call is made' : undefined,
    },
    event: (event, { connector, detail }) => {
      log.event({ atMs: Date.now(), event, connector, detail });
    },
    start: async () => {
      if (required) await log.open();
    },
    status: () => ({
      file: path,
      required,
      state: log.failing ? 'failing' : 'ok',
      records: log.taken,
      lost: log.lost,
    }),
    flush: async () => await log.flush(),
    close: async () => await log.close(),
  };
}
