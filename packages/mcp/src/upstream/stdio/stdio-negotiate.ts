import type { JsonObject, RawMember } from '../../protocol/message.ts';
import { LATEST_LEGACY, LEGACY_VERSIONS, META, MODERN_VERSIONS } from '../../protocol/revision.ts';
import type { Answer } from './stdio-call.ts';
import type { StdioConnection } from './stdio-connection.ts';
import type { ClientInfo } from './stdio-envelope.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { UpstreamInfo } from '../upstream.ts';

export interface NegotiateOptions {
  readonly connectorId: string;
  readonly era: 'auto' | 'modern' | 'legacy';
  /** How long `server/discover` may go unanswered before `initialize` is tried as well. */
  readonly probeMs: number;
  readonly clientInfo: ClientInfo;
  /** What a legacy server may ask back. */
  readonly capabilities: JsonObject;
  /** The modern request envelope. */
  readonly envelope: readonly RawMember[];
}

export interface Verdict {
  readonly info: UpstreamInfo;
  /** The server left the probe unanswered: asking again would cost that wait again. */
  readonly ignoredProbe: boolean;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

function memberObject(value: unknown, key: string): JsonObject | undefined {
  const member = isObject(value) ? value[key] : undefined;
  return isObject(member) ? member : undefined;
}

function infoOf(result: JsonObject, version: string, modern: boolean): UpstreamInfo {
  const { instructions } = result;
  const serverInfo = modern
    ? memberObject(result['_meta'], META.serverInfo)
    : memberObject(result, 'serverInfo');
  return {
    era: modern ? 'modern' : 'legacy',
    protocolVersion: version,
    capabilities: memberObject(result, 'capabilities') ?? {},
    serverInfo,
    instructions: typeof instructions === 'string' ? instructions : undefined,
  };
}

function refused(method: string, answer: Answer, connectorId: string): UpstreamError {
  const { code, message } = answer.kind === 'error' ? objectOf(answer.text) : {};
  const why =
    answer.kind === 'error'
      ? `with error ${String(code)}: ${String(message).slice(0, 300)}`
      : 'without a protocol revision that is known here';
  return new UpstreamError(
    answer.kind === 'error' ? 'RPC_ERROR' : 'BAD_RESPONSE',
    `the server answered ${method} ${why}`,
    {
      connectorId,
      phase: 'handshake',
      unsent: true,
      ...(answer.kind === 'error' ? { rpcErrorText: answer.text } : {}),
      ...(typeof code === 'number' ? { rpcCode: code } : {}),
    },
  );
}

/** A request of the handshake. Rejects when the connection ends first. */
async function ask(
  connection: StdioConnection,
  method: string,
  members: readonly RawMember[],
  meta: readonly RawMember[] = [],
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    connection.send(method, members, () => meta, {
      progressToken: undefined,
      notification: () => undefined,
      result: (raw) => resolve({ kind: 'result', text: raw.toString() }),
      error: (text) => resolve({ kind: 'error', text }),
      fail: reject,
    });
  });
}

/** Asks a modern server who it is. @throws UpstreamError when it is none. */
async function discover(
  connection: StdioConnection,
  options: NegotiateOptions,
): Promise<UpstreamInfo> {
  const answer = await ask(connection, 'server/discover', [], options.envelope);
  if (answer.kind === 'result') {
    const result = objectOf(answer.text);
    const supported = result['supportedVersions'];
    const version = MODERN_VERSIONS.find(
      (known) => Array.isArray(supported) && supported.includes(known),
    );
    if (version !== undefined) return infoOf(result, version, true);
  }
  throw refused('server/discover', answer, options.connectorId);
}

/** The legacy handshake. @throws UpstreamError when the server refuses it. */
async function initialize(
  connection: StdioConnection,
  options: NegotiateOptions,
): Promise<UpstreamInfo> {
  const answer = await ask(connection, 'initialize', [
    { key: 'protocolVersion', text: JSON.stringify(LATEST_LEGACY) },
    { key: 'capabilities', text: JSON.stringify(options.capabilities) },
    { key: 'clientInfo', text: JSON.stringify(options.clientInfo) },
  ]);
  if (answer.kind === 'result') {
    const result = objectOf(answer.text);
    const version = LEGACY_VERSIONS.find((known) => known === result['protocolVersion']);
    if (version !== undefined) return infoOf(result, version, false);
  }
  throw refused('initialize', answer, options.connectorId);
}

type Probe =
  | { readonly kind: 'modern'; readonly info: UpstreamInfo }
  | { readonly kind: 'refused' }
  | { readonly kind: 'slow' };

async function early(probe: Promise<UpstreamInfo>, probeMs: number): Promise<Probe> {
  let timer: NodeJS.Timeout | undefined;
  const slow = new Promise<Probe>((resolve) => {
    timer = setTimeout(resolve, probeMs, { kind: 'slow' });
  });
  const answered = probe.then(
    (info): Probe => ({ kind: 'modern', info }),
    (error: unknown): Probe => {
      if (error instanceof UpstreamError && error.code === 'PROCESS_EXITED') throw error;
      return { kind: 'refused' };
    },
  );
  return Promise.race([answered, slow]).finally(() => clearTimeout(timer));
}

/**
 * Finds out which era a server speaks, and shakes hands where that era does. `auto` asks
 * `server/discover` first; an error means legacy, silence means that both are tried and the first good
 * answer counts (MCP spec 2026-07-28, basic/versioning).
 * @throws UpstreamError, phase `handshake`.
 */
export async function negotiate(
  connection: StdioConnection,
  options: NegotiateOptions,
): Promise<Verdict> {
  let info: UpstreamInfo;
  let ignoredProbe = false;
  if (options.era === 'legacy') {
    info = await initialize(connection, options);
  } else if (options.era === 'modern') {
    info = await discover(connection, options);
  } else {
    const probe = discover(connection, options);
    const first = await early(probe, options.probeMs);
    if (first.kind === 'modern') return { info: first.info, ignoredProbe };
    const legacy = initialize(connection, options);
    if (first.kind === 'refused') {
      info = await legacy;
    } else {
      info = await firstGood(legacy, probe);
      ignoredProbe = info.era === 'legacy';
    }
  }
  if (info.era === 'legacy') connection.notify('notifications/initialized', '{}');
  return { info, ignoredProbe };
}

async function firstGood(
  legacy: Promise<UpstreamInfo>,
  probe: Promise<UpstreamInfo>,
): Promise<UpstreamInfo> {
  try {
    return await Promise.any([legacy, probe]);
  } catch {
    return legacy; // both failed; what the older handshake says is the better reason
  }
}
