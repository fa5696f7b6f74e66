import type { JsonObject, RawMember } from '../../protocol/message.ts';
import { LATEST_MODERN, META, MODERN_ENVELOPE_KEYS, type Era } from '../../protocol/revision.ts';
import type { Caller } from '../upstream.ts';

/** Who we say we are: `name` and `version` at least. */
export type ClientInfo = JsonObject;

/** The modern request envelope for callers that bring none (MCP spec 2026-07-28, basic/index). */
export function ownEnvelope(clientInfo: ClientInfo): readonly RawMember[] {
  return [
    { key: META.protocolVersion, text: JSON.stringify(LATEST_MODERN) },
    { key: META.clientInfo, text: JSON.stringify(clientInfo) },
    { key: META.clientCapabilities, text: '{}' },
  ];
}

export interface MetaSource {
  /** The client's `_meta`; empty for requests of our own. */
  readonly meta: readonly RawMember[];
  readonly clientEra: Era;
  /** Who calls: a legacy client brings the envelope by which modern servers know it. */
  readonly caller?: Pick<Caller, 'envelope'>;
}

/**
 * `_meta` as an upstream of era `to` must see it: a modern envelope exactly when the upstream is modern, and
 * our own progress token in place of the client's. Everything else passes.
 */
export function metaFor(
  to: Era,
  source: MetaSource,
  progressToken: number,
  envelope: readonly RawMember[],
): readonly RawMember[] {
  const keepsEnvelope = to === 'modern' && source.clientEra === 'modern';
  const callers = source.caller?.envelope ?? [];
  const added = callers.length === 0 ? envelope : callers;
  const meta: RawMember[] = to === 'modern' && !keepsEnvelope ? [...added] : [];
  for (const member of source.meta) {
    if (member.key === META.progressToken) {
      meta.push({ key: member.key, text: String(progressToken) });
    } else if (keepsEnvelope || !MODERN_ENVELOPE_KEYS.has(member.key)) {
      meta.push(member);
    }
  }
  return meta;
}

/** The client's own progress token as raw JSON, when it gave one. */
export function progressTokenOf(meta: readonly RawMember[]): string | undefined {
  return meta.find((member) => member.key === META.progressToken)?.text;
}
