import { RPC, requestText, type RawMember } from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';
import type { ExchangeRequest } from '../streamable-http/http-exchange.ts';
import { isJsonObject, isUnasked, type ServerMessage } from '../streamable-http/http-message.ts';
import { HttpStream, type HttpStreamOptions } from '../streamable-http/http-stream.ts';
import type { StreamEnd, StreamListener } from '../streamable-http/notification-stream.ts';
import type { ChangingList } from '../streamable-http/notification-stream-lists.ts';
import { taskOfTopic, taskTopic } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

/** Errors that say that the server does not listen to such requests, now or later. */
const LASTING: ReadonlySet<number> = new Set([
  RPC.methodNotFound,
  RPC.invalidParams,
  RPC.invalidRequest,
  RPC.headerMismatch,
  RPC.missingClientCapability,
  RPC.unsupportedVersion,
]);

/** As any stream's listener, which also hears what the server agreed to. */
export interface ListenListener extends StreamListener {
  /** What the server agreed to tell of, right before `opened`. */
  honoured(resources: ReadonlySet<string>): void;
}

export interface ModernListenOptions extends HttpStreamOptions {
  readonly listener: ListenListener;
  readonly headers: readonly string[];
  /** Differs from attempt to attempt. */
  readonly id: string;
  readonly envelope: readonly RawMember[];
  readonly lists: readonly ChangingList[];
  /** Resources whose updates are wanted. */
  readonly resources: ReadonlySet<string>;
  /** How long the server may take to say what it will tell. */
  readonly acknowledgeTimeoutMs: number;
  readonly unasked: (method: string, text: string) => void;
}

/** The filter of a `subscriptions/listen` request. */
export function listenFilter(
  lists: readonly ChangingList[],
  topics: ReadonlySet<string>,
): RawMember {
  const taskIds = [...topics].map(taskOfTopic).filter((id) => id !== undefined);
  const uris = [...topics].filter((topic) => taskOfTopic(topic) === undefined);
  const filter = {
    ...Object.fromEntries(lists.map((list) => [`${list}ListChanged`, true])),
    ...(uris.length > 0 && { resourceSubscriptions: uris }),
    ...(taskIds.length > 0 && { taskIds }),
  };
  return { key: 'notifications', text: JSON.stringify(filter) };
}

/** The envelope of a `subscriptions/listen` request: who asks for tasks must say that he knows them (SEP-2663). */
export function listenEnvelope(
  envelope: readonly RawMember[],
  topics: ReadonlySet<string>,
): readonly RawMember[] {
  if (![...topics].some((topic) => taskOfTopic(topic) !== undefined)) return envelope;
  const others = envelope.filter(({ key }) => key !== META.clientCapabilities);
  const declared = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
  return [...others, { key: META.clientCapabilities, text: JSON.stringify(declared) }];
}

function stringsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : []).filter((one: unknown) => typeof one === 'string');
}

/** What an acknowledgement agrees to: whether anything at all, and which resources. Its text was read by us before. */
export function readAcknowledgement(text: string): {
  readonly something: boolean;
  readonly resources: ReadonlySet<string>;
  readonly subscriptionId: unknown;
} {
  const message: unknown = JSON.parse(text);
  const params = isJsonObject(message) ? message['params'] : undefined;
  const { notifications, _meta: meta } = isJsonObject(params) ? params : {};
  const honoured = isJsonObject(notifications) ? notifications : {};
  const resources = new Set([
    ...stringsOf(honoured['resourceSubscriptions']),
    ...stringsOf(honoured['taskIds']).map(taskTopic),
  ]);
  return {
    something: Object.values(honoured).includes(true) || resources.size > 0,
    resources,
    subscriptionId: isJsonObject(meta) ? meta[META.subscriptionId] : undefined,
  };
}

/** One `subscriptions/listen` request (spec 2026-07-28, SEP-2575). */
export class ModernListen extends HttpStream {
  readonly #options: ModernListenOptions;
  #timer: NodeJS.Timeout | undefined;
  #acknowledged = false;

  constructor(options: ModernListenOptions) {
    super(options);
    this.#options = options;
  }

  override start(): void {
    this.#timer = setTimeout(
      () => this.abandon({ kind: 'ended', error: this.#late() }),
      this.#options.acknowledgeTimeoutMs,
    );
    this.#timer.unref();
    super.start();
  }

  override close(): void {
    clearTimeout(this.#timer);
    super.close();
  }

  protected request(): Pick<ExchangeRequest, 'method' | 'headers' | 'body'> {
    const { id, envelope, headers, lists, resources } = this.#options;
    const members = [listenFilter(lists, resources)];
    const meta = listenEnvelope(envelope, resources);
    const body = requestText(JSON.stringify(id), 'subscriptions/listen', members, meta);
    return { method: 'POST', headers: [...headers], body };
  }

  protected began(): void {
    // The acknowledgement says whether it is a stream.
  }

  protected take(message: ServerMessage): void {
    const { id, ignored, unasked } = this.#options;
    if (message.kind === 'notification') {
      if (message.method === 'notifications/subscriptions/acknowledged') {
        this.#acknowledge(message.text);
      } else if (isUnasked(message.method)) {
        unasked(message.method, message.text);
      } else {
        ignored();
      }
    } else if (message.kind === 'result' && message.id === id) {
      // A graceful end; before anything was promised, it is the answer of a server that does not listen.
      this.abandon({ kind: this.#acknowledged ? 'ended' : 'declined' });
    } else if (message.kind === 'error' && (message.id === id || message.id === undefined)) {
      const kind = LASTING.has(message.code) ? 'declined' : 'ended';
      this.abandon({ kind, error: this.#rpcError(message) });
    } else {
      ignored();
    }
  }

  protected isLost(): boolean {
    return false;
  }

  protected override finish(end: StreamEnd): void {
    clearTimeout(this.#timer);
    super.finish(end);
  }

  #acknowledge(text: string): void {
    if (this.#acknowledged) return;
    const { something, resources } = readAcknowledgement(text);
    if (!something) {
      this.abandon({ kind: 'declined' });
      return;
    }
    this.#acknowledged = true;
    clearTimeout(this.#timer);
    this.#options.listener.honoured(resources);
    this.#options.listener.opened();
  }

  #late(): UpstreamError {
    const { connectorId } = this.#options.wire;
    const message = 'the server did not acknowledge the subscription in time';
    return new UpstreamError('TIMEOUT', message, { connectorId, phase: 'ready' });
  }

  #rpcError({ code, text }: Extract<ServerMessage, { kind: 'error' }>): UpstreamError {
    const { connectorId } = this.#options.wire;
    return new UpstreamError('RPC_ERROR', `the server refused the subscription (${code})`, {
      connectorId,
      phase: 'ready',
      rpcErrorText: text,
      rpcCode: code,
    });
  }
}
