import { hash } from 'node:crypto';
import type { ConnectorDefinition, ConnectorTransport } from '../connectors/connector.ts';

/** The address without what changes with a credential. */
function placeOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? url : `${parsed.origin}${parsed.pathname}`;
}

function factsOf(transport: ConnectorTransport): readonly unknown[] {
  if (transport.kind === 'stdio') {
    return ['stdio', transport.command, transport.args, transport.cwd ?? null];
  }
  // Streamable HTTP and HTTP+SSE may be two ways to the same server.
  return transport.kind === 'in-process'
    ? ['in-process', transport.server]
    : ['http', placeOf(transport.url)];
}

/**
 * Names the server behind a connector, without showing it: pins of one server say nothing about another (S9). Credentials
 * are no part of it.
 */
export function serverIdentity({ transport }: ConnectorDefinition): string {
  if (transport === undefined) return '';
  return hash('sha256', JSON.stringify(factsOf(transport)), 'base64url').slice(0, 22);
}
