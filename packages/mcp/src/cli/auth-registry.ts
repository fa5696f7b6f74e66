import { withAuth } from '../config/entry-auth.ts';
import { registryEntries } from '../config/registry-entries.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { CliIo } from './cli-io.ts';
import { UsageError } from './command.ts';
import type { KnownConnector } from './known-connectors.ts';
import { locateRegistry } from './registry-location.ts';

const OAUTH = { grant: 'authorization_code' } as const;

function hasAuthorization(...all: readonly (object | undefined)[]): boolean {
  return all.some((headers) =>
    Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'authorization'),
  );
}

/**
 * A connector as it is logged in to. One of the registry that says nothing of how it is authenticated is taken for one
 * that wants a person to log in. @throws UsageError for one that came from elsewhere, or has a key in its headers.
 */
export function forLogin({ definition, source }: KnownConnector): ConnectorDefinition {
  const { id, origin, enabled, transport } = definition;
  if (source === 'registry' && !enabled) {
    throw new UsageError(
      `${id} is switched off`,
      'CONNECTOR_NO_LOGIN',
      `first cortex-mcp connectors enable ${id}`,
    );
  }
  if (source === 'config' || (transport?.kind !== 'http' && transport?.kind !== 'sse'))
    return definition;
  if (transport.oauth !== undefined) return definition;
  if (origin === 'remote') {
    const remedy = `add it yourself with cortex-mcp connectors add ${id} --url <address> --force`;
    throw new UsageError(
      `${id} came from elsewhere and is given no tokens`,
      'CONNECTOR_NO_LOGIN',
      remedy,
    );
  }
  if (hasAuthorization(transport.headers, transport.lateHeaders)) {
    const remedy = 'add it again without that header to log in';
    throw new UsageError(
      `${id} of the registry has a key in its Authorization header`,
      'CONNECTOR_NO_LOGIN',
      remedy,
    );
  }
  const auth = { headers: {}, oauth: OAUTH, problem: undefined, warnings: [] };
  return { ...definition, ...withAuth({ transport, problem: undefined }, auth, {}) };
}

/** Notes with an entry of the registry that a person logs in to it, as `"auth": {"type": "oauth"}` does in a file. */
export async function rememberLogin(io: CliIo, id: string): Promise<void> {
  await locateRegistry(io).client.change((cache) => {
    const { entries } = registryEntries(cache.peekConnectors());
    const entry = entries.find((one) => one.id === id);
    if (entry === undefined || entry.member['auth'] !== undefined) return { value: undefined };
    const { record, member } = entry;
    const connector = { ...member, auth: { type: 'oauth' } };
    return { put: [{ ...record, connector }], value: undefined };
  });
}
