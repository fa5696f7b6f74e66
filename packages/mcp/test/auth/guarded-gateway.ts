import { tempFolder } from '@cortex-os/testkit';
import { request } from 'undici';
import type { AuthSettings } from '../../src/service/auth-part.ts';
import { createKey, type NewKey } from '../../src/auth/edit-keys.ts';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { ServiceOptions } from '../../src/service/service.ts';
import { startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, send, type RawAnswer } from '../gateway/raw-client.ts';

/** A gateway with a state folder and keys of its own. */
export interface GuardedGateway extends TestGateway {
  readonly folder: string;
  /** A new key of the running gateway; not in force before it has looked. */
  key(given?: Partial<NewKey>): Promise<string>;
}

export interface GuardedOptions {
  /** Made before the start. */
  readonly keys?: readonly Partial<NewKey>[];
  readonly auth?: AuthSettings;
  readonly settings?: Partial<ServiceOptions['settings']>;
  readonly more?: Partial<ServiceOptions>;
}

export async function startGuarded(
  connectors: readonly ConnectorDefinition[],
  { keys = [], auth = {}, settings = {}, more = {} }: GuardedOptions = {},
): Promise<{ readonly gateway: GuardedGateway; readonly keys: readonly string[] }> {
  const folder = tempFolder();
  const make = async (given: Partial<NewKey> = {}): Promise<string> =>
    (await createKey(folder.path, { scopes: ['client'], ...given })).text;
  const made: string[] = [];
  for (const given of keys) made.push(await make(given));
  const gateway = await startGateway(connectors, settings, {
    auth: { settings: auth, stateFolder: folder.path, watch: true },
    ...more,
  });
  const guarded: GuardedGateway = {
    ...gateway,
    folder: folder.path,
    key: make,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  return { gateway: guarded, keys: made };
}

export const bearer = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };

/** A GET with a key or without. */
export async function get(
  url: string,
  key?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  return await send(url, { method: 'GET', headers: { ...bearer(key), ...headers } });
}

/** The status of a GET; what else comes is thrown away, as it may be a stream that never ends. */
export async function statusOf(url: string, key?: string): Promise<number> {
  const { statusCode, body } = await request(url, { headers: bearer(key) });
  body.on('error', () => undefined).destroy();
  return statusCode;
}

/** A modern request with a key. */
export async function ask(
  url: string,
  key: string | undefined,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
): Promise<RawAnswer> {
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  return await send(url, {
    headers: {
      ...modernHeaders(method, typeof name === 'string' ? name : undefined),
      ...bearer(key),
    },
    body: modernBody(method, params),
  });
}

interface Listed {
  readonly result: Readonly<Record<string, { readonly name?: string; readonly uri?: string }[]>> & {
    readonly cacheScope: string;
  };
}

/** Names of a list as a key sees it. */
export async function names(
  url: string,
  key: string | undefined,
  kind: 'tools' | 'prompts' | 'resources' = 'tools',
): Promise<string[]> {
  const { result } = (await ask(url, key, `${kind}/list`)).json() as Listed;
  return (result[kind] ?? []).map(({ name = '', uri = name }) =>
    kind === 'resources' ? uri : name,
  );
}
