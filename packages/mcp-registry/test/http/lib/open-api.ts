import { createServer } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { createRegistryApi, type RegistryApi } from '../../../src/http/registry-api.ts';
import type { RegistryMemoryCache } from '../../../src/memory-cache.ts';
import { officialMetaKey } from '../../../src/server-record.ts';
import { openOnDisk } from '../../lib/open-cache.ts';
import { CrashDisk } from '../../lib/crash-disk.ts';
import { answerFaults } from './api-schemas.ts';

export const apiKey = 'a-key-for-tests-only';

export interface OpenApiOptions {
  readonly cache?: RegistryMemoryCache;
  readonly apiKey?: string | undefined;
  readonly includeLocal?: boolean;
  readonly now?: () => Date;
  readonly foundAt?: Date;
}

export interface ServerItem {
  readonly server: Record<string, unknown> & { name: string; version: string };
  readonly _meta: Record<string, Record<string, unknown>>;
}

export interface ListBody {
  readonly servers: ServerItem[];
  readonly metadata: { readonly nextCursor?: string; readonly count: number };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, checked against the schema of its path and status. */
  readonly body: unknown;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Sent as it is when a string, else as JSON; with the API key. */
  readonly json?: unknown;
}

export interface OpenedApi {
  readonly api: RegistryApi;
  readonly cache: RegistryMemoryCache;
  readonly disk: CrashDisk;
  readonly base: string;
  readonly errors: unknown[];
  readonly call: (path: string, options?: CallOptions) => Promise<Answer>;
  readonly list: (query?: string) => Promise<ListBody>;
  readonly item: (path: string) => Promise<ServerItem>;
}

/** A registry API on a port of its own; everything is closed when the test ends. */
export async function openApi(options: OpenApiOptions = {}): Promise<OpenedApi> {
  const disk = new CrashDisk();
  const cache = options.cache ?? (await openOnDisk(disk)).cache;
  const errors: unknown[] = [];
  const api = createRegistryApi({
    cache,
    apiKey: 'apiKey' in options ? options.apiKey : apiKey,
    includeLocal: options.includeLocal ?? false,
    now: options.now ?? (() => new Date()),
    foundAt: options.foundAt,
    onError: (error) => errors.push(error),
  });
  const server = createServer((request, response) => api.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  onTestFinished(() => {
    api.close();
    server.close();
    server.closeAllConnections();
  });
  const base = `http://127.0.0.1:${port}`;

  async function call(path: string, { method, headers = {}, json }: CallOptions = {}) {
    const body =
      json === undefined ? undefined : typeof json === 'string' ? json : JSON.stringify(json);
    const isWrite = json !== undefined || method === 'DELETE';
    const response = await fetch(`${base}/v0.1${path}`, {
      method: method ?? (json === undefined ? 'GET' : 'POST'),
      ...(body === undefined ? {} : { body }),
      headers: {
        ...(isWrite
          ? { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
          : {}),
        ...headers,
      },
    });
    const text = await response.text();
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const parsed: unknown = text === '' ? undefined : JSON.parse(text);
    if (parsed !== undefined)
      expect(answerFaults(path.replace(/\?.*/su, ''), response.status, parsed)).toBeUndefined();
    return { status: response.status, headers: response.headers, text, body: parsed };
  }

  return {
    api,
    cache,
    disk,
    base,
    errors,
    call,
    list: async (query = '') => {
      const answer = await call(`/servers${query}`);
      expect(answer).toMatchObject({ status: 200 });
      return answer.body as ListBody;
    },
    item: async (path) => {
      const answer = await call(path);
      expect(answer).toMatchObject({ status: 200 });
      return answer.body as ServerItem;
    },
  };
}

/** A valid `server.json`. */
export function document(name: string, version = '1.0.0', more: Record<string, unknown> = {}) {
  return { name, version, description: `${name} does things`, ...more };
}

export function namesOf({ servers }: ListBody): string[] {
  return servers.map(({ server }) => `${server.name}@${server.version}`);
}

export function official(item: ServerItem | undefined): Record<string, unknown> {
  const { _meta: meta } = item ?? {};
  return meta?.[officialMetaKey] ?? {};
}

/** A path below `/v0.1` to a server or one of its versions. */
export function pathTo(name: string, version?: string): string {
  const server = `/servers/${encodeURIComponent(name)}/versions`;
  return version === undefined ? server : `${server}/${encodeURIComponent(version)}`;
}

/** A clock that stands still until it is moved. */
export function manualClock(startMs = Date.parse('2026-03-01T00:00:00.000Z')) {
  let ms = startMs;
  return { now: () => new Date(ms), move: (byMs: number) => (ms += byMs) };
}
