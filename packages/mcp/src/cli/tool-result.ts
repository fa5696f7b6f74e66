import { findMember, objectMembers } from '../protocol/json-scan.ts';
import type { CallErrorFacts } from './call-error.ts';
import { safeLines } from './terminal-text.ts';

interface ShownResult {
  readonly text: string;
  readonly isError: boolean;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describeBinary(item: Readonly<Record<string, unknown>>): string {
  const { type, mimeType, data } = item;
  const size = typeof data === 'string' ? `, ${Math.floor((data.length * 3) / 4)} bytes` : '';
  return `[${String(type)} ${typeof mimeType === 'string' ? mimeType : ''}${size}]`;
}

function showItem(item: unknown): string {
  if (!isObject(item)) return JSON.stringify(item);
  if (item['type'] === 'text' && typeof item['text'] === 'string') return item['text'];
  if (item['type'] === 'image' || item['type'] === 'audio') return describeBinary(item);
  return JSON.stringify(item, undefined, 2);
}

/** A tool's result for people: texts as they are, images by type and size, anything else as JSON. */
export function showResult(resultText: string, onTerminal: boolean): ShownResult {
  const result: unknown = JSON.parse(resultText);
  if (!isObject(result)) return { text: resultText, isError: false };
  const content = Array.isArray(result['content']) ? result['content'] : [];
  const structured = result['structuredContent'];
  const parts = content.map((item: unknown) => showItem(item));
  if (parts.length === 0) parts.push(JSON.stringify(structured ?? result, undefined, 2));
  const text = parts.join('\n');
  return { text: onTerminal ? safeLines(text) : text, isError: result['isError'] === true };
}

/** A JSON-RPC answer: the result's JSON as the server wrote it, or what the error says. */
export type Answer =
  | { readonly kind: 'result'; readonly text: string }
  | ({ readonly kind: 'error'; readonly message: string } & CallErrorFacts);

function errorMessage(error: unknown): string {
  if (!isObject(error) || typeof error['message'] !== 'string') return JSON.stringify(error);
  const { code, message } = error;
  return typeof code === 'number' ? `${message} (code ${code})` : message;
}

function textIn(value: unknown, name: string): string | undefined {
  const text = isObject(value) ? value[name] : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** What an error says of itself: ours have a code in their data, others only a number of JSON-RPC. */
function factsOf(error: unknown): CallErrorFacts {
  if (!isObject(error)) return { code: 'CALL_FAILED' };
  const { data, code } = error;
  return {
    code: textIn(data, 'code') ?? String(code),
    rpcCode: String(code),
    remedy: textIn(data, 'remedy'),
    connector: textIn(data, 'connector'),
    phase: textIn(data, 'phase'),
  };
}

/** Takes a whole JSON-RPC answer apart. */
export function readAnswer(text: string): Answer {
  const members = objectMembers(text);
  const result = findMember(members, 'result');
  if (result !== undefined) return { kind: 'result', text: text.slice(result.start, result.end) };
  const error = findMember(members, 'error');
  if (error === undefined) {
    return { kind: 'error', message: 'there was no answer', code: 'CALL_FAILED' };
  }
  const value: unknown = JSON.parse(text.slice(error.start, error.end));
  return { kind: 'error', message: errorMessage(value), ...factsOf(value) };
}
