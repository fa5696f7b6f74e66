/** How a call ended, as its record says it. */
export type AuditOutcome =
  | 'ok'
  | 'error'
  | 'timeout'
  | 'failed'
  | 'cancelled'
  | 'unavailable'
  | 'unknown'
  | 'denied'
  | 'refused';

export const AUDIT_OUTCOMES: readonly AuditOutcome[] = [
  'ok',
  'error',
  'timeout',
  'failed',
  'cancelled',
  'unavailable',
  'unknown',
  'denied',
  'refused',
];

/** What is recorded of one call (S18). Never its arguments, never its result. */
export interface CallRecord {
  /** When it was over, in milliseconds since 1970. */
  readonly atMs: number;
  readonly principal: string;
  /** The id of the key it came with. */
  readonly key?: string | undefined;
  readonly connector: string | undefined;
  readonly method: string;
  /** The tool, prompt or URI as the client named it. */
  readonly name: string | undefined;
  /** Hash of the tool's definition. */
  readonly definition: string | undefined;
  /** Digest of the arguments. */
  readonly digest: string | undefined;
  readonly outcome: AuditOutcome;
  readonly code: string | number | undefined;
  readonly ms: number;
  /** Trace id of `traceparent`. */
  readonly trace: string | undefined;
  /** What the client calls itself. */
  readonly client: string | undefined;
  /** Another try of a call whose server asked for input. */
  readonly retry: boolean;
}

/** Something beside calls that belongs into the log. */
export interface AuditEvent {
  readonly atMs: number;
  readonly event: string;
  readonly connector?: string | undefined;
  readonly name?: string | undefined;
  readonly detail?: string | undefined;
}

/** Longest text of one field; what is longer is cut and ends in an ellipsis. */
const MAX_TEXT_LENGTH = 256;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * Text as JSON of printable ASCII on one line, bounded in length: nothing in it can end a line, steer a terminal or be
 * invalid UTF-8 (S16).
 */
export function lineText(value: string, maxLength: number = MAX_TEXT_LENGTH): string {
  const text = JSON.stringify(value.length <= maxLength ? value : `${value.slice(0, maxLength)}…`);
  return /[^\x20-\x7e]/.test(text) ? text.replaceAll(/[^\x20-\x7e]/g, escaped) : text;
}

function codeText(code: string | number): string {
  return typeof code === 'number' ? String(code) : lineText(code);
}

/** Names that are remembered as text of a line: of tools, connectors, principals, clients. */
const MAX_KNOWN = 1_024;

/**
 * Writes the records of calls as lines, without their ends. Made for one log: what call after call says alike, names
 * and the millisecond, is written once (at most 1,024 names of 256 characters).
 */
export function createCallLines(): (call: CallRecord) => string {
  const known = new Map<string, string>();
  const nameText = (name: string): string => {
    let text = known.get(name);
    if (text === undefined) {
      text = lineText(name);
      if (name.length > MAX_TEXT_LENGTH) return text;
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(name, text);
    }
    return text;
  };
  let stampMs = Number.NaN;
  let stamp = '';
  return (call) => {
    if (call.atMs !== stampMs) {
      stampMs = call.atMs;
      stamp = `{"ts":"${new Date(stampMs).toISOString()}","principal":`;
    }
    let line = stamp + nameText(call.principal);
    if (call.key !== undefined) line += `,"key":${nameText(call.key)}`;
    if (call.connector !== undefined) line += `,"connector":${nameText(call.connector)}`;
    line += `,"method":${nameText(call.method)}`;
    if (call.name !== undefined) line += `,"name":${nameText(call.name)}`;
    if (call.definition !== undefined) line += `,"definition":"${call.definition}"`;
    if (call.digest !== undefined) line += `,"args":"${call.digest}"`;
    line += `,"outcome":"${call.outcome}"`;
    if (call.code !== undefined) line += `,"code":${codeText(call.code)}`;
    line += `,"ms":${Math.round(call.ms * 1000) / 1000}`;
    if (call.trace !== undefined) line += `,"trace":"${call.trace}"`;
    if (call.client !== undefined) line += `,"client":${nameText(call.client)}`;
    return call.retry ? `${line},"retry":true}` : `${line}}`;
  };
}

/** The record of an event as one line, without its end. */
export function eventLine({ atMs, event, connector, name, detail }: AuditEvent): string {
  let line = `{"ts":"${new Date(atMs).toISOString()}","event":${lineText(event)}`;
  if (connector !== undefined) line += `,"connector":${lineText(connector)}`;
  if (name !== undefined) line += `,"name":${lineText(name)}`;
  if (detail !== undefined) line += `,"detail":${lineText(detail)}`;
  return `${line}}`;
}
