import type {
  ConnectorDefinition,
  HttpTransport,
  SseTransport,
  StdioTransport,
} from '../connector.ts';
import {
  resolveSecretReferences,
  SecretReferenceError,
  type ReferenceScope,
} from '../secret-reference.ts';
import { takeUserInfo } from '../url-user-info.ts';

/** Whether a connector holds references that are resolved when it is connected. */
export function hasLateValues({ transport }: ConnectorDefinition): boolean {
  if (transport === undefined || transport.kind === 'in-process') return false;
  if (transport.kind === 'stdio') {
    return transport.lateEnv !== undefined || transport.lateArgs !== undefined;
  }
  return transport.lateHeaders !== undefined || transport.lateUrl !== undefined;
}

async function resolveText(what: string, text: string, scope: ReferenceScope): Promise<string> {
  const value = await resolveSecretReferences(text, scope);
  if (!value.includes('\0')) return value;
  throw new SecretReferenceError(`the value of ${what} holds a NUL character`);
}

async function resolveAll(
  values: Readonly<Record<string, string>> | undefined,
  scope: ReferenceScope,
): Promise<Record<string, string>> {
  const resolved = new Map<string, string>();
  for (const [name, text] of Object.entries(values ?? {})) {
    resolved.set(name, await resolveText(name, text, scope));
  }
  return Object.fromEntries(resolved);
}

async function resolveStdio(
  { lateEnv, lateArgs, ...rest }: StdioTransport,
  scope: ReferenceScope,
): Promise<StdioTransport> {
  const args = [...rest.args];
  for (const index of lateArgs ?? []) {
    args[index] = await resolveText(`argument ${index + 1}`, args[index] ?? '', scope);
  }
  return { ...rest, args, env: { ...rest.env, ...(await resolveAll(lateEnv, scope)) } };
}

async function resolveHttp<T extends HttpTransport | SseTransport>(
  { lateHeaders, lateUrl, ...rest }: T,
  scope: ReferenceScope,
): Promise<Omit<T, 'lateHeaders' | 'lateUrl'>> {
  const headers = { ...rest.headers, ...(await resolveAll(lateHeaders, scope)) };
  if (lateUrl === undefined) return { ...rest, headers };
  const url = URL.parse(await resolveText('the address', lateUrl, scope));
  // It is the secret that is wrong, so nothing of the address may be shown.
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new SecretReferenceError('the address is no http or https URL once its secret is in it');
  }
  try {
    takeUserInfo(url, headers);
  } catch (cause) {
    const what = 'the user info of the address is not valid once its secret is in it';
    throw new SecretReferenceError(`${what}: encode a % in it as %25`, cause);
  }
  return { ...rest, url: url.href, headers };
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
  if (transport === undefined || transport.kind === 'in-process') return definition;
  const resolved =
    transport.kind === 'stdio'
      ? await resolveStdio(transport, scope)
      : await resolveHttp(transport, scope);
  return { ...definition, transport: resolved };
}
