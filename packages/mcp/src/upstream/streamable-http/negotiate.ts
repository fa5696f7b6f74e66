import { RPC, requestText } from '../../protocol/message.ts';
import { META, MODERN_VERSIONS } from '../../protocol/revision.ts';
import type { ConnectorDefinition } from '../../connectors/connector.ts';
import { askEarly } from './early-list.ts';
import { usableVerdict, type EraMemory } from './era-memory.ts';
import type { ChannelHost, HttpChannel } from './http-channel.ts';
import type { Where } from './http-error.ts';
import { isJsonObject } from './http-message.ts';
import { isUnknownKind, refusalError, type Refusal } from './http-refusal.ts';
import { post, type PostOutcome } from './http-request.ts';
import type { ClientIdentity } from './http-wire.ts';
import { createLegacyChannel } from '../http-legacy/legacy-http.ts';
import { openLegacySession, type HandshakeOptions } from '../http-legacy/legacy-session.ts';
import { createModernChannel, modernEnvelope, modernHeaders } from '../http-modern/modern-http.ts';
import type { UpstreamInfo } from '../upstream.ts';
import { EVERY_CAPABILITY } from '../every-capability.ts';
import { UpstreamError } from '../upstream-error.ts';

/** What the answer to `server/discover` says about a server. */
export type Verdict =
  | { readonly kind: 'modern'; readonly info: UpstreamInfo }
  | { readonly kind: 'legacy' }
  /** It refuses a version that it says it supports. */
  | { readonly kind: 'contradictory'; readonly error: UpstreamError }
  /** Nothing: the failure is about access, load or the network, or is no answer at all. */
  | { readonly kind: 'undecided'; readonly error: UpstreamError };

/** The server's modern identity, or undefined when it speaks no modern revision of ours. */
function readDiscoverResult(text: string): UpstreamInfo | undefined {
  const result: unknown = JSON.parse(text);
  if (!isJsonObject(result) || !Array.isArray(result['supportedVersions'])) return undefined;
  const supported: readonly unknown[] = result['supportedVersions'];
  const protocolVersion = MODERN_VERSIONS.find((version) => supported.includes(version));
  if (protocolVersion === undefined) return undefined;
  const { capabilities, instructions, _meta: meta } = result;
  const serverInfo = isJsonObject(meta) ? meta[META.serverInfo] : undefined;
  return {
    era: 'modern',
    protocolVersion,
    capabilities: isJsonObject(capabilities) ? capabilities : {},
    serverInfo: isJsonObject(serverInfo) ? serverInfo : undefined,
    instructions: typeof instructions === 'string' ? instructions : undefined,
  };
}

/** -32022 that lists a version we asked for contradicts itself: no ground for a verdict. */
function contradicts(rpc: NonNullable<Refusal['rpc']>): boolean {
  if (rpc.code !== RPC.unsupportedVersion) return false;
  const error: unknown = JSON.parse(rpc.text);
  const data = isJsonObject(error) ? error['data'] : undefined;
  const supported: unknown = isJsonObject(data) ? data['supported'] : undefined;
  return Array.isArray(supported) && MODERN_VERSIONS.some((version) => supported.includes(version));
}

function judgeError(rpc: NonNullable<Refusal['rpc']>, where: Where): Verdict {
  if (!contradicts(rpc)) return { kind: 'legacy' };
  const message = 'the server rejects a protocol version that it says it supports';
  const details = { ...where, rpcErrorText: rpc.text, rpcCode: rpc.code };
  return { kind: 'contradictory', error: new UpstreamError('BAD_RESPONSE', message, details) };
}

/** Judges the answer to `server/discover` (spec 2026-07-28, basic/versioning). */
export function judgeDiscover(outcome: PostOutcome, where: Where): Verdict {
  if (outcome.kind === 'accepted') {
    const message = 'server/discover was accepted and not answered';
    return { kind: 'undecided', error: new UpstreamError('BAD_RESPONSE', message, where) };
  }
  if (outcome.kind === 'refused') {
    const { status, rpc } = outcome.refusal;
    if (!isUnknownKind(status)) {
      return { kind: 'undecided', error: refusalError(outcome.refusal, where) };
    }
    return rpc === undefined ? { kind: 'legacy' } : judgeError(rpc, where);
  }
  if (outcome.answer.kind === 'error') return judgeError(outcome.answer, where);
  const info = readDiscoverResult(outcome.answer.text);
  return info === undefined ? { kind: 'legacy' } : { kind: 'modern', info };
}

/** Whether a failed `initialize` says that the server does not speak the legacy revisions. */
export function rejectsLegacy(error: unknown): boolean {
  return (
    error instanceof UpstreamError &&
    (error.rpcCode === RPC.unsupportedVersion || error.rpcCode === RPC.methodNotFound)
  );
}

export interface NegotiateOptions extends HandshakeOptions {
  readonly era: ConnectorDefinition['era'];
  readonly clientInfo: ClientIdentity;
  readonly memory: EraMemory;
  readonly memoryKey: string;
  /** Called before the server is asked for its era. */
  readonly onProbe: () => void;
  /** Its lists are wanted next. */
  readonly listsNext: boolean;
  /** As that of `UpstreamEvents`. */
  readonly willCheckLists: (() => boolean) | undefined;
}

async function discover(host: ChannelHost, options: NegotiateOptions): Promise<Verdict> {
  options.onProbe();
  const outcome = await post(host.wire, {
    headers: modernHeaders(host.wire, 'server/discover', undefined),
    body: requestText('0', 'server/discover', [], modernEnvelope(options.clientInfo)),
    id: 0,
    phase: 'handshake',
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    onSent: options.onSent,
  });
  return judgeDiscover(outcome, { connectorId: host.wire.connectorId, phase: 'handshake' });
}

interface LegacyOptions {
  /** When the server last showed that it speaks no modern revision; undefined: nobody asked, nothing is remembered. */
  readonly askedAtMs: number | undefined;
  /** Lists may follow `notifications/initialized` before it is answered (decision 0032). Default false. */
  readonly confirmLater?: boolean;
}

async function openLegacy(
  host: ChannelHost,
  options: NegotiateOptions,
  { askedAtMs, confirmLater = false }: LegacyOptions,
): Promise<HttpChannel> {
  const { name, version } = options.clientInfo;
  const session = await openLegacySession(
    host,
    {
      clientInfo: host.client?.clientInfo ?? { name, version },
      capabilities: host.client?.capabilities ?? EVERY_CAPABILITY,
    },
    { ...options, confirmLater },
  );
  const { memory, memoryKey } = options;
  // A verdict that was only used keeps its date: a server that learns the modern revision is noticed in the end.
  if (askedAtMs !== undefined) {
    memory.set(memoryKey, { era: 'legacy', storedAtMs: askedAtMs, info: session.info });
  }
  return createLegacyChannel(host, session);
}

async function openByProbe(host: ChannelHost, options: NegotiateOptions): Promise<HttpChannel> {
  const { memory, memoryKey, clientInfo } = options;
  const abort = new AbortController();
  const leave = (): void => abort.abort();
  const discovered = discover(host, options);
  // `initialize` is not sent ahead as well: a modern server must not be asked it (conformance, request-metadata).
  const ahead = { clientInfo, timeoutMs: options.timeoutMs, signal: abort.signal };
  const early = options.listsNext ? askEarly(host, ahead) : undefined;
  let verdict: Verdict;
  try {
    verdict = await discovered;
    if (verdict.kind === 'contradictory') verdict = await discover(host, options);
    if (verdict.kind === 'undecided') throw verdict.error;
  } catch (error) {
    leave();
    throw error;
  }
  if (verdict.kind === 'modern') {
    const { info } = verdict;
    memory.set(memoryKey, { era: 'modern', storedAtMs: Date.now(), info });
    return createModernChannel(host, { info, clientInfo, proven: true, early, leave });
  }
  leave();
  if (verdict.kind === 'contradictory') return await openContradictory(host, options, verdict);
  if (options.era === 'auto') {
    return await openLegacy(host, options, {
      askedAtMs: Date.now(),
      confirmLater: options.listsNext && options.willCheckLists?.() === true,
    });
  }
  throw new UpstreamError('BAD_RESPONSE', 'the server does not speak the modern revision', {
    connectorId: host.wire.connectorId,
    phase: 'handshake',
  });
}

/** A server whose words on its versions make no sense, twice: its deeds count. */
async function openContradictory(
  host: ChannelHost,
  options: NegotiateOptions,
  { error }: Extract<Verdict, { kind: 'contradictory' }>,
): Promise<HttpChannel> {
  if (options.era !== 'auto') throw error;
  try {
    return await openLegacy(host, options, { askedAtMs: Date.now() });
  } catch (failure) {
    throw rejectsLegacy(failure) ? error : failure;
  }
}

/**
 * Settles how the server is spoken to: by what is pinned, by what is remembered, else by asking. A remembered
 * legacy verdict the server contradicts is forgotten and asked for anew, once.
 * @throws UpstreamError
 */
export async function negotiate(
  host: ChannelHost,
  options: NegotiateOptions,
): Promise<HttpChannel> {
  const { memory, memoryKey, clientInfo, era } = options;
  if (era === 'legacy') return openLegacy(host, options, { askedAtMs: undefined });
  const known = usableVerdict(memory.get(memoryKey));
  if (known?.era === 'modern' && known.info !== undefined) {
    return createModernChannel(host, { info: known.info, clientInfo, proven: false });
  }
  if (known?.era === 'legacy' && era === 'auto') {
    try {
      return await openLegacy(host, options, { askedAtMs: known.storedAtMs });
    } catch (error) {
      if (!rejectsLegacy(error)) throw error;
      memory.set(memoryKey, undefined);
    }
  }
  return openByProbe(host, options);
}
