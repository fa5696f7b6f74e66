import type { Principal } from '../../auth/principal.ts';
import { LIST_SHAPES } from '../../protocol/list-kind.ts';
import { parseMessage } from '../../protocol/json-rpc.ts';
import { ProtocolError, type JsonObject } from '../../protocol/message.ts';
import type { Answerer } from '../answerer.ts';
import { noteLegacy } from '../legacy.ts';
import type { KeptSession, SessionLink, SessionMemory } from './session-memory.ts';
import type { LegacySession, SessionStore } from './session-store.ts';

export interface SessionReturnOptions {
  readonly memory: SessionMemory;
  readonly store: SessionStore;
  readonly answerer: Answerer;
  readonly link?: SessionLink | undefined;
}

/** What another process should know of a session: what its client said here, or that it has ended it. */
interface PassedOn {
  readonly session: string;
  readonly principal: string;
  /** Undefined: the session is over. */
  readonly message: string | undefined;
}

function readPassedOn(line: string): PassedOn | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return undefined;
    const [session, principal, message] = ['session', 'principal', 'message'].map((key): unknown =>
      Reflect.get(value, key),
    );
    if (typeof session !== 'string' || typeof principal !== 'string') return undefined;
    if (message !== undefined && typeof message !== 'string') return undefined;
    return { session, principal, message };
  } catch {
    // Not one of ours: nobody waits for an answer.
    return undefined;
  }
}

/** Whom a request names as its session. */
interface Named {
  readonly id: string;
  readonly connectorId: string | undefined;
  readonly principal: Principal;
}

/** Sessions looked up at a time; beyond, clients open new ones. */
const MAX_LOOKUPS = 1_000;
/** Of one principal: whoever asks for what is not there takes the others no place. */
const MAX_LOOKUPS_OF_ONE = 250;

interface Lookup {
  readonly principalId: string;
  readonly done: Promise<void>;
}

/**
 * Legacy sessions that go on in another process than the one that opened them, without their clients noticing: after
 * a restart, and while two processes share the port (contract.md, drain).
 */
export class SessionReturn {
  readonly #options: SessionReturnOptions;
  /** By who asks for what: what a stranger asks for must not decide what its owner gets. */
  readonly #lookups = new Map<string, Lookup>();
  /** Those whose clients may have missed something and have not been told yet. */
  readonly #uninformed = new WeakSet<LegacySession>();

  constructor(options: SessionReturnOptions) {
    this.#options = options;
    const { answerer, memory, store } = options;
    answerer.sessionRequests.onChanged((session, resources) => {
      // Ended while its server was asked: it must not come back.
      if (!session.ended) memory.keep(session.id, keptOf(session, resources));
    });
    store.onEnded((session) => {
      memory.forget(session.id);
      this.#tell(session, undefined);
    });
    store.onInUse((session) => {
      memory.keep(session.id, keptOf(session, answerer.sessionRequests.resourcesOf(session)));
    });
    options.link?.onTold((line) => this.#hear(line));
  }

  /** A client has opened a session here. */
  opened(session: LegacySession): void {
    this.#options.memory.keep(session.id, keptOf(session, []));
  }

  /**
   * A client answers, or says something, in a session that other processes may have as well: what it means may be under
   * way there. Where it means nothing it does no harm.
   */
  passOn(session: LegacySession, body: Buffer): void {
    this.#tell(session, body.toString('utf8'));
  }

  /** Undefined when the session is here, or too many are looked for; else resolves when it is here or is not found. */
  bringBack(named: Named): Promise<void> | undefined {
    const { id, connectorId, principal } = named;
    if (this.#options.store.get(id) !== undefined) return undefined;
    const lookups = this.#lookups;
    const key = JSON.stringify([id, connectorId, principal.id]);
    const known = lookups.get(key);
    if (known !== undefined) return known.done;
    if (lookups.size >= MAX_LOOKUPS) return undefined;
    const isSame = ({ principalId }: Lookup): boolean => principalId === principal.id;
    // Counted only when it may matter.
    const isMany = lookups.size >= MAX_LOOKUPS_OF_ONE;
    if (isMany && [...lookups.values()].filter(isSame).length >= MAX_LOOKUPS_OF_ONE) {
      return undefined;
    }
    const done = this.#bringBack(named).finally(() => lookups.delete(key));
    lookups.set(key, { principalId: principal.id, done });
    return done;
  }

  /** Its client listens again: what may have happened meanwhile is said to have happened. */
  listens(session: LegacySession): void {
    if (!this.#uninformed.delete(session)) return;
    const { answerer } = this.#options;
    const { connectorId, principal } = session;
    const { capabilities } = answerer.profile(connectorId, 'legacy', principal.policy);
    for (const method of changedMethods(capabilities)) {
      session.channel?.send(JSON.stringify({ jsonrpc: '2.0', method }));
    }
    for (const uri of answerer.sessionRequests.resourcesOf(session)) {
      const method = 'notifications/resources/updated';
      session.channel?.send(JSON.stringify({ jsonrpc: '2.0', method, params: { uri } }));
    }
  }

  #tell({ id, principal }: LegacySession, message: string | undefined): void {
    const { link } = this.#options;
    if (link?.hasOthers !== true) return;
    link.tell(JSON.stringify({ session: id, principal: principal.id, message }));
  }

  #hear(line: string): void {
    const passed = readPassedOn(line);
    const session = passed && this.#options.store.get(passed.session);
    if (session === undefined || session.principal.id !== passed?.principal) return;
    if (passed.message === undefined) {
      // The other process may not have written it yet, and what the file says would bring it back.
      this.#options.memory.forget(session.id);
      this.#options.store.leave(session, 'the client ended the session');
      return;
    }
    try {
      const message = parseMessage(passed.message);
      if (message.kind === 'notification') noteLegacy(message, session);
      else if (message.kind === 'response') session.questions.take(message);
    } catch (error) {
      // It was read before it was passed on; what another process sends here is its own affair.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  async #bringBack({ id, connectorId, principal }: Named): Promise<void> {
    const { memory, store, answerer } = this.#options;
    const kept = await memory.recall(id);
    if (kept?.connectorId !== connectorId || kept?.principalId !== principal.id) return;
    if (kept === undefined || store.get(id) !== undefined) return;
    const session = store.create({ id, connectorId, principal, client: kept.client });
    this.#uninformed.add(session);
    // Not waited for: a server may take its time to agree.
    void answerer.sessionRequests.restore(session, kept);
  }
}

function keptOf(session: LegacySession, resources: readonly string[]): KeptSession {
  const { connectorId, principal, client, logLevel } = session;
  return { connectorId, principalId: principal.id, client, logLevel, resources };
}

/** The notifications of the lists that an endpoint offers. */
function changedMethods(capabilities: JsonObject): ReadonlySet<string> {
  const offered = Object.values(LIST_SHAPES).filter(({ capability }) => {
    const value = capabilities[capability];
    return (
      typeof value === 'object' && value !== null && Reflect.get(value, 'listChanged') === true
    );
  });
  return new Set(offered.map(({ changed }) => changed));
}
