import { RPC, requestText, type JsonRpcId, type RawMember } from '../protocol/message.ts';
import {
  HEADER,
  LATEST_MODERN,
  META,
  MODERN_ENVELOPE_KEYS,
  encodeHeaderValue,
} from '../protocol/revision.ts';
import type { ChannelHost, HttpChannel, LossReason } from './http-channel.ts';
import type { BodyTaker } from './http-exchange.ts';
import { HttpCall, type CallOptions, type Notification } from './http-forward.ts';
import { isUnknownKind, type Refusal } from './http-refusal.ts';
import { ModernListen } from './modern-listen.ts';
import { createNotificationStream, type NotificationStream } from './notification-stream.ts';
import { announceChanges, announcedLists } from './notification-stream-lists.ts';
import { paramHeaderList, type ClientIdentity, type HttpWire } from './http-wire.ts';
import { ModernPassThrough } from './modern-pass-through.ts';
import type { ForwardHandle, ForwardRequest, ForwardSink, UpstreamInfo } from './upstream.ts';

/** The `_meta` members that make a request of ours a modern one. */
export function modernEnvelope(clientInfo: ClientIdentity): readonly RawMember[] {
  const { name, version } = clientInfo;
  return [
    { key: META.protocolVersion, text: JSON.stringify(LATEST_MODERN) },
    { key: META.clientInfo, text: JSON.stringify({ name, version }) },
    { key: META.clientCapabilities, text: '{}' },
  ];
}

/** The headers of a modern request (spec 2026-07-28, basic/transports). */
export function modernHeaders(
  wire: HttpWire,
  method: string,
  name: string | undefined,
  version: string = LATEST_MODERN,
): string[] {
  const headers = [...wire.headers, HEADER.protocolVersion, version, HEADER.method, method];
  if (name !== undefined) headers.push(HEADER.name, encodeHeaderValue(name));
  return headers;
}

/** The version the client's own envelope names, which the header must repeat. */
function versionOf(meta: readonly RawMember[]): string {
  const text = meta.find((member) => member.key === META.protocolVersion)?.text;
  const version: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof version === 'string' ? encodeHeaderValue(version) : LATEST_MODERN;
}

/** Codes only a modern server uses, or that are about one request and say nothing about the server. */
const ABOUT_THE_REQUEST: ReadonlySet<number> = new Set([
  RPC.parseError,
  RPC.invalidParams,
  RPC.internalError,
  RPC.headerMismatch,
  RPC.missingClientCapability,
]);

/** Whether a refusal makes it doubtful that the server is modern. */
export function doubtsModern(status: number, code: number | undefined, proven: boolean): boolean {
  if (status !== 200 && !isUnknownKind(status)) return false;
  if (code === undefined) return true;
  if (code === RPC.unsupportedVersion) return true;
  // A modern server answers so for any method it does not have; a legacy one for every modern method.
  if (code === RPC.methodNotFound) return !proven;
  return status !== 200 && !ABOUT_THE_REQUEST.has(code);
}

interface Proof {
  proven: boolean;
}

class ModernCall extends HttpCall {
  readonly #proof: Proof;

  constructor(host: ChannelHost, channel: HttpChannel, options: CallOptions, proof: Proof) {
    super(host, channel, options);
    this.#proof = proof;
  }

  takeBody(): BodyTaker | undefined {
    const { request, sink, id } = this.options;
    if (request.clientEra !== 'modern') return undefined;
    return new ModernPassThrough(id, sink, {
      done: () => {
        this.finish();
        this.exchange.settle();
        this.#proof.proven = true;
        this.host.answered();
      },
      bad: (problem) => {
        this.exchange.fail('BAD_RESPONSE', problem);
      },
    });
  }

  protected override lossOf(status: number, rpc: Refusal['rpc']): LossReason | undefined {
    return doubtsModern(status, rpc?.code, this.#proof.proven) ? 'era' : undefined;
  }

  protected override relay(notification: Notification): string | undefined {
    // Ids, tokens and streams are all scoped to this one request: nothing to map.
    return notification.text;
  }

  protected override serverRequest(): void {
    // The modern revision has no requests from server to client (spec 2026-07-28, changelog).
    this.host.ignored();
  }

  protected override cancelled(): void {
    // Closing the response stream is the cancellation (spec 2026-07-28, basic/patterns/cancellation).
  }
}

export interface ModernChannelOptions {
  readonly info: UpstreamInfo;
  readonly clientInfo: ClientIdentity;
  /** True when the server itself just confirmed its era; false when it was remembered. */
  readonly proven: boolean;
}

/** What the server tells unasked; undefined when it announced nothing of the kind. */
function createStream(
  host: ChannelHost,
  info: UpstreamInfo,
  envelope: readonly RawMember[],
): NotificationStream | undefined {
  const lists = announcedLists(info);
  if (lists.length === 0) return undefined;
  let attempts = 0;
  return createNotificationStream({
    createAttempt: (listener) => {
      attempts += 1;
      return new ModernListen({
        wire: host.streamWire,
        listener,
        headers: modernHeaders(host.wire, 'subscriptions/listen', undefined),
        id: `listen-${attempts}`,
        envelope,
        lists,
        acknowledgeTimeoutMs: host.streamPolicy.acknowledgeTimeoutMs,
        ignored: () => host.ignored(),
        unasked: (method, text) => host.unasked(method, text),
      });
    },
    reopened: () => announceChanges(lists, (method, text) => host.unasked(method, text)),
    // Without sessions there is none to lose.
    lost: () => undefined,
    random: host.random,
    policy: host.streamPolicy,
  });
}

/** Speaks the modern revision: every request stands alone. */
export function createModernChannel(
  host: ChannelHost,
  { info, clientInfo, proven }: ModernChannelOptions,
): HttpChannel {
  const envelope = modernEnvelope(clientInfo);
  const proof: Proof = { proven };
  let nextId = 1;
  const stream = createStream(host, info, envelope);
  const channel: HttpChannel = {
    info,
    get isListening() {
      return stream?.isOpen === true;
    },
    forward(request: ForwardRequest, sink: ForwardSink, mayRecover: boolean): ForwardHandle {
      const modernClient = request.clientEra === 'modern';
      const id: JsonRpcId = modernClient ? request.id : nextId++;
      const meta = modernClient
        ? request.meta
        : [...request.meta.filter(({ key }) => !MODERN_ENVELOPE_KEYS.has(key)), ...envelope];
      const version = modernClient ? versionOf(request.meta) : LATEST_MODERN;
      const headers = modernHeaders(host.wire, request.method, request.name, version);
      headers.push(...paramHeaderList(request.paramHeaders));
      const options: CallOptions = { request, sink, id, era: 'modern', mayRecover };
      const call = new ModernCall(host, channel, options, proof);
      call.send(headers, requestText(JSON.stringify(id), request.method, request.members, meta));
      return call;
    },
    listen() {
      stream?.open();
    },
    stopListening() {
      stream?.close();
    },
    async leave() {
      // Nothing else to leave: the server keeps nothing of us.
      stream?.close();
    },
  };
  return channel;
}
