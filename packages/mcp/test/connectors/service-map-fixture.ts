import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import { afterEach } from 'vitest';
import { ServiceMapError } from '../../src/connectors/map/service-map-error.ts';
import {
  loadConnectorServiceMap,
  type LoadedServiceMap,
  type LoadServiceMapOptions,
} from '../../src/connectors/map/service-map.ts';
import { hmacKey } from '../../src/connectors/map/signature-keys.ts';
import { signServiceMap, type RawServiceMap } from '../../src/connectors/map/signature.ts';

export const KEY = hmacKey('test-secret');
export const keys = [KEY];
const closers: (() => Promise<void>)[] = [];

/** Closes, after each test of the file, what the test opened. */
export function useClosers(): void {
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
}

/** A dispatcher without any option, closed after the test. */
export function agent(): Agent {
  const dispatcher = new Agent();
  closers.push(async () => await dispatcher.destroy());
  return dispatcher;
}

/** A folder that is removed after the test. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cortex-map-'));
  closers.push(async () => await rm(folder, { recursive: true }));
  return folder;
}

/** A date that many milliseconds from now. */
export const isoIn = (ms: number): string => new Date(Date.now() + ms).toISOString();

export function entry(id: string, fields: object = {}): Record<string, unknown> {
  return { id, displayName: id, endpoint: `https://${id}.example/mcp`, ...fields };
}

export function mapWith(fields: object = {}): RawServiceMap {
  return {
    id: '01JD3Z5N8M6Q7R9S0T1V2W3X4Y',
    brand: 'brAInwav',
    generatedAt: new Date().toISOString(),
    ttlSeconds: 300,
    connectors: [entry('one'), entry('two')],
    ...fields,
  };
}

export const signed = (fields: object = {}): RawServiceMap => signServiceMap(mapWith(fields), KEY);

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A producer on a port of its own. */
export async function serve(
  handler: Handler,
): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/map`, requests };
}

export async function fromUrl(
  handler: Handler,
  options: Omit<LoadServiceMapOptions, 'source'> = {},
): Promise<LoadedServiceMap> {
  const { url } = await serve(handler);
  return await loadConnectorServiceMap({
    keys,
    ...options,
    source: { kind: 'url', url, dispatcher: agent() },
  });
}

export const send =
  (body: string | Buffer, headers: Record<string, string> = {}, status = 200): Handler =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };

export async function inline(
  map: unknown,
  options: Omit<LoadServiceMapOptions, 'source'> = {},
): Promise<LoadedServiceMap> {
  return await loadConnectorServiceMap({ ...options, source: { kind: 'inline', map } });
}

export async function errorOf(loading: Promise<unknown>): Promise<ServiceMapError> {
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ServiceMapError)) throw new Error(`no ServiceMapError: ${String(error)}`);
  return error;
}

export const codeOf = async (loading: Promise<unknown>): Promise<string> =>
  (await errorOf(loading)).code;
