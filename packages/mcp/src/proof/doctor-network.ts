import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { isIP } from 'node:net';
import { type Check, type DoctorContext, finding } from './doctor-finding.ts';

/** Names that are looked up. */
const MAX_NAMES = 32;
const LOOKUP_MS = 3_000;
const SLOW_MS = 1_000;

/** The code with which an address is refused; undefined when it can be listened on. */
async function refusal(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

export const checkPort: Check = async ({ config, service }) => {
  const why = 'There is one listener; without it nothing is served.';
  if (config.kind === 'broken') {
    const text = { finding: 'the configuration does not say which', why };
    return [finding('port', 'unknown', text)];
  }
  const { host, port } = config;
  if (service !== undefined) {
    return [finding('port', 'ok', { finding: `port ${port} is held by our service`, why })];
  }
  if (port === 0) return [finding('port', 'ok', { finding: 'a free one is taken', why })];
  const code = await refusal(host, port);
  const isTaken = code === 'EADDRINUSE';
  return [
    finding('port', code === undefined ? 'ok' : 'fail', {
      finding:
        code === undefined
          ? `port ${port} on ${host} is free`
          : `port ${port} on ${host} ${isTaken ? 'is held by something else' : `cannot be had: ${code}`}`,
      why,
      fix: isTaken
        ? `find out who: ss -ltnp 'sport = :${port}'; stop it or choose another with MCP_PORT`
        : 'correct host and port of the configuration',
    }),
  ];
};

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'] as const;

/** A variable in capitals or small letters. */
function either(env: DoctorContext['env'], name: string): string | undefined {
  const value = env[name] ?? env[name.toLowerCase()];
  return value === undefined || value === '' ? undefined : value;
}

export const checkProxy: Check = async ({ env, start }) => {
  const why =
    'The gateway connects directly. Its processes are handed these variables and may send even loopback to the proxy.';
  const seen = start?.env === undefined ? env : Object.fromEntries(start.env);
  const set = PROXIES.filter((name) => either(seen, name) !== undefined);
  const except = either(seen, 'NO_PROXY') ?? '';
  const sparesUs = except === '*' || /(?:^|[,\s])(?:localhost|127\.)/.test(except);
  const isRisky = set.length > 0 && !sparesUs;
  return await Promise.resolve([
    finding('proxy', isRisky ? 'warn' : set.length > 0 ? 'info' : 'ok', {
      finding:
        set.length === 0 ? 'no proxy variables' : `${set.join(', ')} set, NO_PROXY=${except}`,
      why,
      fix: isRisky
        ? 'NO_PROXY=localhost,127.0.0.1,::1 beside it'
        : 'servers that can only be reached through the proxy need a connector on this side of it',
    }),
  ]);
};

type LoadedConfig = Extract<DoctorContext['config'], { kind: 'loaded' }>;

function namesOf(config: LoadedConfig): readonly string[] {
  const names = config.connectors.flatMap(({ enabled, transport }) => {
    if (!enabled || transport === undefined || !('url' in transport)) return [];
    if (transport.lateUrl !== undefined) return [];
    const name = new URL(transport.url).hostname.replaceAll(/^\[|\]$/g, '');
    return isIP(name) === 0 ? [name] : [];
  });
  return [...new Set(names)].slice(0, MAX_NAMES);
}

/** How long a name took, in milliseconds; undefined when it has no address. */
async function lookupTime(name: string): Promise<number | undefined> {
  const startedAtMs = performance.now();
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, LOOKUP_MS, undefined);
  const found = lookup(name).then(
    () => performance.now() - startedAtMs,
    () => undefined,
  );
  try {
    return await Promise.race([found, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export const checkNames: Check = async ({ config }) => {
  const why = 'Names are looked up in four threads: a slow one holds up the others.';
  if (config.kind === 'broken') {
    const text = { finding: 'the configuration does not say which', why };
    return [finding('dns', 'unknown', text)];
  }
  const names = namesOf(config);
  const times = await Promise.all(names.map(lookupTime));
  const lost = names.filter((_name, index) => times[index] === undefined);
  const slowest = Math.max(0, ...times.map((ms) => ms ?? 0));
  const severity = lost.length > 0 || slowest > SLOW_MS ? 'warn' : 'ok';
  return [
    finding('dns', severity, {
      finding:
        lost.length > 0
          ? `no address for ${lost.join(', ')}`
          : `${names.length} names found, the slowest after ${Math.round(slowest)} ms`,
      why,
      fix: 'check /etc/resolv.conf, and the addresses in the configuration',
    }),
  ];
};
