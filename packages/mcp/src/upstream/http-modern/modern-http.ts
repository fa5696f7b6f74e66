import { RPC, requestBody, type JsonRpcId, type RawMember } from '../../protocol/message.ts';
import {
  LATEST_MODERN,
  META,
  MODERN_ENVELOPE_KEYS,
  encodeHeaderValue,
} from '../../protocol/revision.ts';
import type { ChannelHost, HttpChannel, LossReason } from '../streamable-http/http-channel.ts';
import type { EarlyList } from '../streamable-http/early-list.ts';
import type { BodyTaker } from '../streamable-http/http-exchange.ts';
import { HttpCall, type CallOptions, type Notification } from '../streamable-http/http-forward.ts';
import {
  headerOf,
  isUnknownKind,
  type Refusal,
  type ResponseHeaders,
} from '../streamable-http/http-refusal.ts';
import { modernEnvelope, modernHeaders } from './modern-message.ts';
import { createModernSubscriptions } from './modern-subscriptions.ts';
import { addParamHeaders, type ClientIdentity } from '../streamable-http/http-wire.ts';
import { ModernPassThrough, type PassThroughControl } from './modern-pass-through.ts';
import type { ForwardHandle, ForwardRequest, ForwardSink, UpstreamInfo } from '../upstream.ts';

export { modernEnvelope, modernHeaders } from './modern-message.ts';

const LATEST_TEXT = JSON.stringify(LATEST_MODERN);

/** The version the envelope names, which the header must repeat. */
function versionOf(meta: readonly RawMember[]): string {
  let text: string | undefined;
  for (const member of meta) if (member.key === META.protocolVersion) text ??= member.text;
  if (text === LATEST_TEXT) return LATEST_MODERN;
  const version: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof version === 'string' ? encodeHeaderValue(version) : LATEST_MODERN;
}

/** `_meta` of a request that brings no envelope: its caller's, who is a legacy client, or ours. */
function withEnvelope(
  { meta, caller }: ForwardRequest,
  own: readonly RawMember[],
): readonly RawMember[] {
  const envelope = caller.envelope.length === 0 ? own : caller.envelope;
  return [...meta.filter(({ key }) => !MODERN_ENVELOPE_KEYS.has(key)), ...envelope];
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

class ModernCall extends HttpCall implements PassThroughControl {
  readonly #proof: Proof;

  constructor(host: ChannelHost, channel: HttpChannel, options: CallOptions, proof: Proof) {
    super(host, channel, options);
    this.#proof = proof;
  }

  takeBody(headers: ResponseHeaders): BodyTaker | undefined {
    const { request, sink, id } = this.options;
    if (request.clientEra !== 'modern' || request.repeated === true) return undefined;
    return new ModernPassThrough(id, sink, this, headerOf(headers, 'content-length'));
  }

  passed(): void {
    this.finish();
    this.exchange.settle();
    this.#proof.proven = true;
    this.host.answered();
  }

  spoilt(problem: string): void {
    this.exchange.fail('BAD_RESPONSE', problem);
  }

  protected override lossOf(status: number, rpc: Refusal['rpc']): LossReason | undefined {
    return doubtsModern(status, rpc?.code, this.#proof.proven) ? 'era' : undefined;
  }

  protected override relay(notification: Notification): string | undefined {
    // Ids, tokens and streams are all scoped to this one request: nothing to map.
    return notification.text;
  }

  protected override serverCancelled(): void {
    this.host.ignored();
  }

  protected override serverRequest(): void {
    // The modern revision has no requests from server to client (spec 2026-07-28, changelog).
    this.host.ignored('unsupported');
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
  /** Its tools, asked for already. */
  readonly early?: EarlyList | undefined;
  /** Stops what was sent ahead and is still under way. */
  readonly leave?: () => void;
}

/** Speaks the modern revision: every request stands alone. */
export function createModernChannel(
  host: ChannelHost,
  { info, clientInfo, proven, early, leave }: ModernChannelOptions,
): HttpChannel {
  const envelope = modernEnvelope(clientInfo);
  const proof: Proof = { proven };
  let nextId = 1;
  const listening = createModernSubscriptions(host, info, envelope);
  const channel: HttpChannel = {
    info,
    get isListening() {
      return listening.isOpen;
    },
    forward(request: ForwardRequest, sink: ForwardSink, mayRecover: boolean): ForwardHandle {
      if (early?.spent === false) {
        const send = (): ForwardHandle => channel.forward(request, sink, mayRecover);
        const taken = early.take(request, sink, send);
        if (taken !== undefined) return taken;
      }
      const modernClient = request.clientEra === 'modern';
      const id: JsonRpcId = modernClient ? request.id : nextId++;
      const meta = modernClient ? request.meta : withEnvelope(request, envelope);
      const version = versionOf(meta);
      const headers = modernHeaders(host.wire, request.method, request.name, version);
      addParamHeaders(headers, request.paramHeaders);
      const options: CallOptions = { request, sink, id, era: 'modern', mayRecover };
      const call = new ModernCall(host, channel, options, proof);
      call.send(headers, requestBody(JSON.stringify(id), request.method, request.members, meta));
      return call;
    },
    listen() {
      listening.listen();
    },
    stopListening() {
      listening.close();
    },
    // A modern server asks nobody before it has answered.
    beforeCall: () => undefined,
    setInterest: async (interest) => await listening.setInterest(interest),
    notify() {
      // Nor does it take notifications (spec 2026-07-28, changelog).
    },
    async leave() {
      // Nothing else to leave: the server keeps nothing of us.
      leave?.();
      listening.close();
    },
  };
  return channel;
}
