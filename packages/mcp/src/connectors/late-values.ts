import type { ConnectorDefinition } from './connector.ts';
import {
  resolveSecretReferences,
  SecretReferenceError,
  type ReferenceScope,
} from './secret-reference.ts';

/** Whether a connector's headers or environment hold references that are resolved when it is connected. */
export function hasLateValues({ transport }: ConnectorDefinition): boolean {
  const late = transport?.kind === 'stdio' ? transport.lateEnv : transport?.lateHeaders;
  return late !== undefined;
}

async function resolveAll(
  values: Readonly<Record<string, string>> | undefined,
  scope: ReferenceScope,
): Promise<Record<string, string>> {
  const resolved: Record<string, string> = {};
  for (const [name, text] of Object.entries(values ?? {})) {
    const value = await resolveSecretReferences(text, scope);
    if (value.includes('\0')) {
      throw new SecretReferenceError(`the value of ${name} holds a NUL character`);
    }
    resolved[name] = value;
  }
  return resolved;
}

/**
 * The definition with its references replaced by what they refer to now.
 * @throws SecretReferenceError naming the first reference without a value.
 */
export async function resolveLateValues(
  definition: ConnectorDefinition,
  scope: ReferenceScope,
): Promise<ConnectorDefinition> {
  const { transport } = definition;
  if (transport === undefined) return definition;
  if (transport.kind === 'stdio') {
    const { lateEnv, ...rest } = transport;
    const env = { ...transport.env, ...(await resolveAll(lateEnv, scope)) };
    return { ...definition, transport: { ...rest, env } };
  }
  const { lateHeaders, ...rest } = transport;
  const headers = { ...transport.headers, ...(await resolveAll(lateHeaders, scope)) };
  return { ...definition, transport: { ...rest, headers } };
}
