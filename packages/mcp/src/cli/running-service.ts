import { existsSync } from 'node:fs';
import type { LoadedConfig } from '../config/config.ts';
import { CommandError } from '../protocol/command-error.ts';
import { readService, type ServiceReading } from '../proof/service-reading.ts';
import type { CliIo } from './cli-io.ts';
import { createServiceCredential } from './service-credential.ts';
import { meetingPlace } from './stdio-owner.ts';
import { openTarget, type ServicePlace, type StdioTarget } from './stdio-target.ts';

/** Nobody answers, or not as a service of this configuration; the message says what to do. */
export class ServiceUnreachable extends CommandError {
  constructor(
    what: string,
    remedy?: string,
    code: 'UNREACHABLE' | 'NOT_A_GATEWAY' = 'UNREACHABLE',
  ) {
    super(code, what, { remedy });
    this.name = 'ServiceUnreachable';
  }
}

/** A service that runs, seen through its routes. */
export interface RunningService {
  /** Asks it anew. @throws ServiceUnreachable */
  read(): Promise<ServiceReading>;
  close(): Promise<void>;
}

/** How long `/status` or `/metrics` may take: a thousand connectors are some megabytes. */
const ANSWER_MS = 10_000;
const MAX_BYTES = 64 * 1_048_576;

async function get(target: StdioTarget, path: string): Promise<string> {
  const { statusCode, body } = await target.dispatcher.request({
    origin: target.origin,
    path,
    method: 'GET',
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BYTES)
      throw new CommandError('TOO_LARGE', `${path} is longer than ${MAX_BYTES} bytes`);
    chunks.push(bytes);
  }
  if (statusCode === 200) return Buffer.concat(chunks).toString('utf8');
  const shut = statusCode === 401 || statusCode === 403;
  const remedy = shut ? 'set MCP_API_KEY to a key with the scope of an operator' : undefined;
  const code = statusCode === 404 ? 'NOT_A_GATEWAY' : 'UNREACHABLE';
  throw new ServiceUnreachable(`${target.origin}${path} answers ${statusCode}`, remedy, code);
}

async function readAt(target: StdioTarget): Promise<ServiceReading> {
  const [status, metrics] = await Promise.all([get(target, '/status'), get(target, '/metrics')]);
  const parsed: unknown = JSON.parse(status);
  return readService(performance.now(), { status: parsed, metrics });
}

/** The name by which this machine reaches a service that listens on `host`. */
function reachableName(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** Where a service of this configuration can be: at its port, or on the socket that desktop clients share. */
async function placesOf(config: LoadedConfig): Promise<readonly ServicePlace[]> {
  const { settings, stateFolder, configPath } = config;
  const shared: ServicePlace[] = [];
  // Asking for its place would make the folder.
  if (existsSync(stateFolder.value)) {
    const { socketPath } = await meetingPlace(stateFolder.value, configPath);
    shared.push({ origin: 'http://localhost', socketPath });
  }
  if (settings.port.value === 0) return shared;
  const origin = `http://${reachableName(settings.host.value)}:${settings.port.value}`;
  return [{ origin }, ...shared];
}

/** Whether what answers is the service of that configuration. */
function isOf(reading: ServiceReading, config: LoadedConfig): boolean {
  return (
    reading.setting('config') === config.configPath &&
    reading.setting('stateFolder') === config.stateFolder.value
  );
}

/** Whether something answers there, and not as a service of ours. */
function isOther(error: unknown): boolean {
  if (error instanceof SyntaxError) return true;
  return error instanceof CommandError && error.code === 'NOT_A_GATEWAY';
}

function problemText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof SyntaxError) return 'what answers there is no Cortex MCP';
  const code = 'code' in error ? String(error.code) : '';
  return error.message === '' ? code : error.message;
}

/**
 * The service of a configuration, or the one at `url`. Nothing is asked before `read`.
 * @param config undefined only with a `url`.
 */
export async function openRunningService(
  io: Pick<CliIo, 'env'>,
  config: LoadedConfig | undefined,
  url: string | undefined,
): Promise<RunningService> {
  const credential = createServiceCredential(io.env, config?.stateFolder.value);
  const places =
    url === undefined && config !== undefined
      ? await placesOf(config)
      : [{ origin: new URL(url ?? '').origin }];
  // What `/metrics` shows is for operators, as is `/status`.
  const targets = places.map((place) => openTarget(place, '/', () => credential(place, '/status')));
  return {
    read: async () => {
      const problems: string[] = [];
      let others = 0;
      for (const target of targets) {
        try {
          const reading = await readAt(target);
          if (url !== undefined || config === undefined || isOf(reading, config)) return reading;
          problems.push(`the service at ${target.origin} has another configuration`);
        } catch (error) {
          problems.push(problemText(error));
          if (isOther(error)) others += 1;
        }
      }
      const where = url ?? config?.configPath ?? '';
      throw new ServiceUnreachable(
        `no running service of ${where}: ${[...new Set(problems)].join('; ')}`,
        'start it with cortex-mcp serve, or name one with --url',
        others === targets.length ? 'NOT_A_GATEWAY' : 'UNREACHABLE',
      );
    },
    close: async () => {
      await Promise.all(targets.map(async (target) => await target.close()));
    },
  };
}
