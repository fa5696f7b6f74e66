import type { JsonBytes, RawJson } from '../../protocol/json-bytes.ts';
import { findMember, objectMembers } from '../../protocol/json-scan.ts';
import { legacyToolResult } from '../../protocol/legacy-tool.ts';
import { RPC, errorObject, membersText } from '../../protocol/message.ts';
import type { Era } from '../../protocol/revision.ts';
import type { RpcAnswer } from '../../upstream/upstream.ts';
import type { Bridged } from './call-client.ts';
import { requiredCapabilities } from './client-capabilities.ts';
import { rebuilt } from './large-bridge.ts';

/** Members the modern revision adds to results. Legacy clients never see them. */
const MODERN_RESULT_KEYS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);

function toModern(raw: RawJson, method: string): RawJson {
  // What a read is good for is unknown: a legacy server does not say, so nobody may keep it.
  const hint = method === 'resources/read' ? '"ttlMs":0,"cacheScope":"private",' : '';
  const added = `"resultType":"complete",${hint}`;
  const large = typeof raw === 'string' ? undefined : raw.members;
  if (typeof raw !== 'string' && large !== undefined && large.length > 0) {
    return findMember(large, 'resultType') ? raw : raw.withStart(`{${added}`, 1);
  }
  const text = raw.toString();
  const members = objectMembers(text);
  if (findMember(members, 'resultType') !== undefined) return text;
  const rest = text.slice(text.indexOf('{') + 1);
  return members.length === 0 ? `{${added.slice(0, -1)}${rest}` : `{${added}${rest}`;
}

function toLegacy(text: string): RpcAnswer {
  const members = objectMembers(text);
  const typeSpan = findMember(members, 'resultType');
  const type: unknown = typeSpan && JSON.parse(text.slice(typeSpan.start, typeSpan.end));
  if (type !== undefined && type !== 'complete') {
    const message = `The server answered with ${JSON.stringify(type)}, which this client's protocol revision cannot express`;
    return { kind: 'error', text: errorObject(RPC.internalError, message) };
  }
  const kept = members.filter(({ key }) => !MODERN_RESULT_KEYS.has(key));
  if (kept.length === members.length) return { kind: 'result', text };
  const raw = kept.map(({ key, start, end }) => ({ key, text: text.slice(start, end) }));
  return { kind: 'result', text: `{${membersText(raw)}}` };
}

/** As `toLegacy`, of what stays bytes; undefined for what is to be read as text. */
function largeToLegacy(raw: JsonBytes, { method, wrapsOutput }: BridgedCall): Bridged | undefined {
  const members = raw.members;
  if (members === undefined) return undefined;
  const type = findMember(members, 'resultType');
  if (type !== undefined && raw.text(type.start, type.end) !== '"complete"') return undefined;
  const wraps = method === 'tools/call' ? wrapsOutput === true : undefined;
  const rules = { drops: MODERN_RESULT_KEYS, wrapsOutput: wraps };
  return { kind: 'result', text: rebuilt(raw, members, rules) };
}

/** The call a result belongs to. */
export interface BridgedCall {
  readonly method: string;
  /** Legacy clients see the tool's output under `result`. Default: false. */
  readonly wrapsOutput?: boolean | undefined;
}

/** Puts a result into the client's era; within one era it stays letter for letter. */
export function bridgeResult(raw: RawJson, from: Era, to: Era, call: BridgedCall): Bridged {
  const { method, wrapsOutput = false } = call;
  if (from === to) return { kind: 'result', text: raw };
  if (to === 'modern') return { kind: 'result', text: toModern(raw, method) };
  const large = typeof raw === 'string' ? undefined : largeToLegacy(raw, call);
  if (large !== undefined) return large;
  const bridged = toLegacy(raw.toString());
  if (bridged.kind === 'error' || method !== 'tools/call') return bridged;
  return { kind: 'result', text: legacyToolResult(bridged.text, wrapsOutput) };
}

/** Codes that only one era knows, and what says the same in the other (mcp-protocol.md §4.16, §4.17). */
const TO_MODERN: ReadonlyMap<number, number> = new Map([[RPC.resourceNotFound, RPC.invalidParams]]);
const TO_LEGACY: ReadonlyMap<number, number> = new Map([
  [RPC.missingClientCapability, RPC.invalidRequest],
]);

/** Puts an error into the client's era; message and data stay as they are. */
export function bridgeError(text: string, from: Era, to: Era): string {
  if (from === to) return text;
  const span = findMember(objectMembers(text), 'code');
  if (span === undefined) return text;
  const codes = to === 'modern' ? TO_MODERN : TO_LEGACY;
  const code = codes.get(Number(text.slice(span.start, span.end)));
  return code === undefined ? text : `${text.slice(0, span.start)}${code}${text.slice(span.end)}`;
}

/** A failure of ours as the method's own answers say it: a tool's is a result that a model can read. */
export function failureOf(method: string, message: string): RpcAnswer {
  if (method !== 'tools/call') {
    return { kind: 'error', text: errorObject(RPC.internalError, message) };
  }
  const content = [{ type: 'text', text: message }];
  return { kind: 'result', text: JSON.stringify({ content, isError: true }) };
}

/** The HTTP status a modern client expects with an error code; legacy clients always get 200. */
export function errorStatus(code: number, era: Era): number {
  if (era === 'legacy') return 200;
  if (code === RPC.methodNotFound) return 404;
  const rejected =
    code === RPC.headerMismatch ||
    code === RPC.missingClientCapability ||
    code === RPC.unsupportedVersion;
  return rejected ? 400 : 200;
}

/**
 * What a modern client gets when a call fails after the server asked for something the client has not declared: the
 * revision's own error (spec 2026-07-28, basic/index). Undefined when the server could do without.
 */
export function missingError({ kind, text }: Bridged, capability: string): string | undefined {
  if (kind === 'result' && !text.includes('"isError"')) return undefined;
  const answer: unknown = JSON.parse(text.toString());
  const failed = typeof answer === 'object' && answer !== null && Reflect.get(answer, 'isError');
  if (kind === 'result' && failed !== true) return undefined;
  const message = `The server needs a capability this client has not declared: ${capability}`;
  const required = { requiredCapabilities: requiredCapabilities(capability) };
  return errorObject(RPC.missingClientCapability, message, { ...required, [kind]: answer });
}

/** An answer that is passed on unread is looked into only when it is small and may be an error. */
const MAX_ERROR_BYTES = 16_384;

/** The code of the error that an answer passed on unread is, which none in pieces is; undefined when none, 0 when it has no code. */
export function errorCodeIn(body: Buffer | readonly Buffer[]): number | undefined {
  if (!Buffer.isBuffer(body)) return undefined;
  if (body.length > MAX_ERROR_BYTES || !body.includes('"error"')) return undefined;
  try {
    const answer: unknown = JSON.parse(body.toString('utf8'));
    if (typeof answer !== 'object' || answer === null || !Object.hasOwn(answer, 'error')) {
      return undefined;
    }
    return numericCode(Reflect.get(answer, 'error'));
  } catch {
    // It is passed on unread; what is wrong with it is for the client to find.
    return undefined;
  }
}

function numericCode(error: unknown): number {
  const code: unknown = typeof error === 'object' && error !== null && Reflect.get(error, 'code');
  return typeof code === 'number' ? code : 0;
}

/** The code of an error given as raw JSON; 0 when it has none. */
export function codeOf(errorText: string): number {
  return numericCode(JSON.parse(errorText));
}

/** The last word on a call, or instead that the client lacks a capability which the server asked for. */
export function lastWord(answer: Bridged, capability: string | undefined): Bridged {
  const text = capability === undefined ? undefined : missingError(answer, capability);
  return text === undefined ? answer : { kind: 'error', text };
}
