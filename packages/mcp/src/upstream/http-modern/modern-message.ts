import type { RawMember } from '../../protocol/message.ts';
import { HEADER, LATEST_MODERN, META, encodeHeaderValue } from '../../protocol/revision.ts';
import type { ClientIdentity, HttpWire } from '../streamable-http/http-wire.ts';

/** The `_meta` members that make a request of ours a modern one. */
export function modernEnvelope(clientInfo: ClientIdentity): readonly RawMember[] {
  const { name, version } = clientInfo;
  return [
    { key: META.protocolVersion, text: JSON.stringify(LATEST_MODERN) },
    { key: META.clientInfo, text: JSON.stringify({ name, version }) },
    { key: META.clientCapabilities, text: '{}' },
  ];
}

/** The headers of a modern request (spec 2026-07-28, basic/transports). */
export function modernHeaders(
  wire: HttpWire,
  method: string,
  name: string | undefined,
  version: string = LATEST_MODERN,
): string[] {
  const headers = [...wire.headers, HEADER.protocolVersion, version, HEADER.method, method];
  if (name !== undefined) headers.push(HEADER.name, encodeHeaderValue(name));
  return headers;
}
