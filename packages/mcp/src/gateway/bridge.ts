import { findMember, objectMembers } from '../protocol/json-scan.ts';
import { RPC, errorObject, membersText } from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';

/** Members the modern revision adds to results. Legacy clients never see them. */
const MODERN_RESULT_KEYS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);

/** An answer after it has been put into the client's era. Both texts are raw JSON. */
export type Bridged =
  | { readonly kind: 'result'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string };

function toModern(text: string, method: string): string {
  const members = objectMembers(text);
  if (findMember(members, 'resultType') !== undefined) return text;
  // What a read is good for is unknown: a legacy server does not say, so nobody may keep it.
  const hint = method === 'resources/read' ? '"ttlMs":0,"cacheScope":"private",' : '';
  const rest = text.slice(text.indexOf('{') + 1);
  const added = `"resultType":"complete",${hint}`;
  return members.length === 0 ? `{${added.slice(0, -1)}${rest}` : `{${added}${rest}`;
}

function toLegacy(text: string): Bridged {
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

/** Puts a result into the client's era; within one era it stays letter for letter. */
export function bridgeResult(text: string, from: Era, to: Era, method: string): Bridged {
  if (from === to) return { kind: 'result', text };
  return to === 'modern' ? { kind: 'result', text: toModern(text, method) } : toLegacy(text);
}

/** Puts an error into the client's era: resource-not-found has another code in each (mcp-protocol.md §4.17). */
export function bridgeError(text: string, from: Era, to: Era): string {
  if (from === to || to === 'legacy') return text;
  const code = findMember(objectMembers(text), 'code');
  if (code === undefined || Number(text.slice(code.start, code.end)) !== RPC.resourceNotFound) {
    return text;
  }
  return `${text.slice(0, code.start)}${RPC.invalidParams}${text.slice(code.end)}`;
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
