import { randomInt, randomUUID } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import type { JsonObject, RawMember } from '../../protocol/message.ts';
import { LATEST_MODERN, META } from '../../protocol/revision.ts';
import type { Caller, UpstreamAccess } from '../../upstream/upstream.ts';
import { ANONYMOUS } from '../reply/anonymous.ts';
import { modernCapabilities } from '../call/client-capabilities.ts';
import { ClientQuestions } from '../call/client-questions.ts';
import { SessionCalls } from './session-calls.ts';

/** The way to a session's client for what belongs to none of its requests. */
export interface ClientChannel {
  /** False while nobody listens; what is sent may be kept for when somebody does again. */
  readonly connected: boolean;
  /** Sends one JSON-RPC message as JSON text. False when it was not taken: it is lost. */
  send(text: string): boolean;
  /** What was kept while nobody listened: a channel that takes this one's place sends it. Default: nothing. */
  readonly unheard?: readonly string[];
  /** Called every keep-alive period. */
  keepAlive(): void;
  /** The session is over. */
  close(): void;
}

/** What a client said of itself in `initialize`. */
export interface LegacyClient {
  /** The revision agreed on. */
  readonly protocolVersion: string;
  readonly capabilities: JsonObject;
  /** `clientInfo` as raw JSON; undefined when it gave none. */
  readonly infoText: string | undefined;
}

export interface SessionFields {
  /** Of a session that another process opened. Default: a new one. */
  readonly id?: string;
  /** The endpoint it is opened on; it is unknown on any other. */
  readonly connectorId: string | undefined;
  readonly client: LegacyClient;
  /** Who opened it, as the listener knows him; it is unknown to anybody else. Default: anonymous. */
  readonly principal?: Principal;
}

/** Whole numbers up to here leave room for as many again. */
const MAX_FIRST_ID = 2 ** 47;

/** One legacy client's session. Knows nothing of how its messages travel. */
export class LegacySession {
  readonly id: string;
  /** Another process opened it. */
  readonly returned: boolean;
  readonly connectorId: string | undefined;
  /** Who sent its last request: always of the same id, by what he may do now. */
  principal: Principal;
  readonly client: LegacyClient;
  /** Calls on their way, by the client's id. */
  readonly calls: SessionCalls = new SessionCalls();
  /** What servers have asked the client and it has not answered yet. */
  readonly questions: ClientQuestions;
  /** The stream for what no request asked for; one a session. */
  channel: ClientChannel | undefined;
  lastUsedAtMs: number = performance.now();
  /** Larger than of all sessions that were used before it. Kept by the store. */
  turn = 0;
  #logLevel: string | undefined;
  #caller: Caller | undefined;
  // Made when there is something to keep: there are thousands of sessions, and most only wait.
  #targets: Map<string, UpstreamAccess> | undefined;
  #endListeners: ((session: LegacySession) => void)[] | undefined;
  #ended = false;

  constructor({ id, connectorId, principal = ANONYMOUS, client }: SessionFields) {
    // Unguessable: whoever knows it, and is the same principal, may go on with it.
    this.id = id ?? randomUUID();
    this.returned = id !== undefined;
    // Another process may have put questions to the same client.
    this.questions = new ClientQuestions(id === undefined ? 0 : randomInt(MAX_FIRST_ID));
    this.connectorId = connectorId;
    this.principal = principal;
    this.client = client;
  }

  /** The least severe log messages the client wants; undefined: it never said. */
  get logLevel(): string | undefined {
    return this.#logLevel;
  }

  set logLevel(level: string | undefined) {
    this.#logLevel = level;
    this.#caller = undefined;
  }

  /** The client as servers may know it. */
  get caller(): Caller {
    this.#caller ??= {
      id: this.id,
      capabilities: withoutTasks(this.client.capabilities),
      envelope: modernEnvelope(this.client, this.#logLevel),
    };
    return this.#caller;
  }

  /** True while the client waits for something or listens. */
  get busy(): boolean {
    return this.calls.size > 0 || this.channel?.connected === true;
  }

  /** Notes a connector that has heard of the session, so that it also hears of its end. */
  uses(connectorId: string, target: UpstreamAccess): void {
    this.#targets ??= new Map();
    this.#targets.set(connectorId, target);
  }

  /** Tells the upstreams opened for this session alone what its client has to say. */
  tell(text: string): void {
    for (const target of this.#targets?.values() ?? []) target.notify?.(this.id, text);
  }

  /** Nothing may be begun for it any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Called once, when the session is over. */
  onEnd(listener: (session: LegacySession) => void): void {
    if (this.#endListeners === undefined) this.#endListeners = [listener];
    else this.#endListeners.push(listener);
  }

  /** Cancels calls, ends streams, lets go of what was opened for it. */
  end(reason: string): void {
    this.#ended = true;
    for (const call of this.calls.all()) call.cancel(reason);
    this.questions.close(reason);
    this.channel?.close();
    this.channel = undefined;
    const targets = this.#targets;
    this.#targets = undefined;
    for (const target of targets?.values() ?? []) target.release(this.id);
    const listeners = this.#endListeners;
    this.#endListeners = undefined;
    for (const listener of listeners ?? []) listener(this);
  }
}

/** Requests of servers are relayed, tasks that servers would make of them are not. */
function withoutTasks(capabilities: JsonObject): JsonObject {
  if (capabilities['tasks'] === undefined) return capabilities;
  const { tasks: _tasks, ...others } = capabilities;
  return others;
}

/** The `_meta` members by which a modern server knows a legacy client. */
function modernEnvelope(client: LegacyClient, logLevel: string | undefined): readonly RawMember[] {
  const capabilities = JSON.stringify(modernCapabilities(client.capabilities));
  const envelope: RawMember[] = [
    { key: META.protocolVersion, text: JSON.stringify(LATEST_MODERN) },
    { key: META.clientCapabilities, text: capabilities },
  ];
  if (client.infoText !== undefined) envelope.push({ key: META.clientInfo, text: client.infoText });
  if (logLevel !== undefined) {
    envelope.push({ key: META.logLevel, text: JSON.stringify(logLevel) });
  }
  return envelope;
}
