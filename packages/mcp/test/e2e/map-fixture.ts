import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { HttpUpstream } from '@cortex-os/testkit';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { ServiceMapSettings } from '../../src/connectors/map/map-settings.ts';
import { Secret } from '../../src/connectors/secret.ts';
import { hmacKey } from '../../src/connectors/map/signature-keys.ts';
import { type RawServiceMap, signServiceMap } from '../../src/connectors/map/signature.ts';
import { createService, type Service } from '../../src/service/service.ts';
import type { ServiceOptions } from '../../src/service/service-options.ts';
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';

export const MAP_KEY = hmacKey('the signing secret');

export type MapEntry = Readonly<Record<string, unknown>>;

let lastGeneratedAtMs = 0;

/** A signed map of these connectors; each is dated later than the one before. */
export function signedMap(connectors: readonly MapEntry[], fields: object = {}): RawServiceMap {
  lastGeneratedAtMs = Math.max(Date.now(), lastGeneratedAtMs + 1);
  const map = {
    id: '01JD3Z5N8M6Q7R9S0T1V2W3X4Y',
    brand: 'brAInwav',
    generatedAt: new Date(lastGeneratedAtMs).toISOString(),
    ttlSeconds: 300,
    connectors,
    ...fields,
  };
  return signServiceMap(map, MAP_KEY);
}

/** An entry of a map for a running server. */
export function entryFor(
  upstream: { readonly url: string },
  id: string,
  more: object = {},
): MapEntry {
  return { id, displayName: id, endpoint: upstream.url, ...more };
}

export function hostOf(upstream: { readonly url: string }): string {
  return new URL(upstream.url).host;
}

/** A producer of maps on a port of its own. */
export interface MapServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: IncomingHttpHeaders[];
  /** What is answered: a map, text, or a status; `hang` sends half of it. */
  answer: { readonly body: string; readonly status?: number; readonly hang?: boolean };
  serve(map: RawServiceMap): void;
  stop(): Promise<void>;
  /** Listens on the same port again. */
  resume(): Promise<void>;
}

export async function startMapServer(map: RawServiceMap): Promise<MapServer> {
  const requests: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    const { body, status = 200, hang = false } = it.answer;
    response.writeHead(status, { 'content-type': 'application/json' });
    if (hang) response.write(body.slice(0, 20));
    else response.end(body);
  });
  const listen = async (port: number): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const port = await listen(0);
  const it: MapServer = {
    url: `http://127.0.0.1:${port}/v1/connectors/service-map`,
    requests,
    answer: { body: JSON.stringify(map) },
    serve: (next) => {
      it.answer = { body: JSON.stringify(next) };
    },
    stop,
    resume: async () => {
      await listen(port);
    },
    [Symbol.asyncDispose]: stop,
  };
  return it;
}

/** Passes everything on to a server and remembers the headers of each request. */
export interface Recorder extends AsyncDisposable {
  readonly url: string;
  readonly headers: IncomingHttpHeaders[];
}

export async function startRecorder(upstream: HttpUpstream): Promise<Recorder> {
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    const { host: _, ...passed } = request.headers;
    const options = { method: request.method ?? 'POST', headers: passed };
    const onward = httpRequest(upstream.url, options, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    headers,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function mapSettings(
  url: string,
  more: Partial<ServiceMapSettings> = {},
): ServiceMapSettings {
  return {
    source: { kind: 'url', url: new Secret(url), apiKey: undefined },
    shown: url,
    keys: new Secret([MAP_KEY]),
    allowHosts: [],
    allowCommands: [],
    allowVariables: undefined,
    sharedKeyFor: [],
    maxStaleMs: undefined,
    timeoutMs: 1_000,
    maxBytes: undefined,
    ...more,
  };
}

export interface MapGateway extends AsyncDisposable {
  readonly service: Service;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Ids of connectors that offer tools, in order. */
  serving(): readonly string[];
  /** The `map` of `/status`. */
  map(): Promise<Readonly<Record<string, unknown>>>;
  connector(id: string): ReturnType<Service['manager']['listConnectors']>[number] | undefined;
}

/** A gateway that follows a map, started. */
export async function startMapGateway(
  serviceMap: ServiceMapSettings | undefined,
  more: Partial<Omit<ServiceOptions, 'settings'>> & {
    readonly local?: readonly ConnectorDefinition[];
    readonly settings?: Partial<ServiceOptions['settings']>;
  } = {},
): Promise<MapGateway> {
  const { local = [], settings, ...rest } = more;
  const service = createService({
    connectors: local,
    logger: pino({ level: 'silent' }),
    baseEnv: process.env,
    version: '0.0.0-test',
    serviceMap,
    ...rest,
    settings: { ...DEFAULT_SETTINGS, ...settings },
  });
  const { port } = await service.start();
  const origin = `http://127.0.0.1:${port}`;
  return {
    service,
    origin,
    serving: () => [...new Set(service.tools().map(({ connectorId }) => connectorId))].toSorted(),
    map: async () => {
      const status = (await (await fetch(`${origin}/status`)).json()) as { map: MapEntry };
      return status.map;
    },
    connector: (id) => service.manager.listConnectors().find((one) => one.id === id),
    [Symbol.asyncDispose]: async () => await service.close(),
  };
}
