import { UpstreamError } from './upstream-error.ts';
import type { Interest } from './upstream.ts';

/** A resource whose updates the server will not tell. */
export interface RefusedResource {
  readonly uri: string;
  readonly error: UpstreamError;
}

/** A connection that can be told what is wanted beside answers. */
export interface InterestTarget {
  /**
   * Replaces what is wanted of it.
   * @returns when the server has answered for all of it: those it refused. Never rejects.
   */
  setInterest(interest: Interest): Promise<readonly RefusedResource[]>;
}

export interface KeptInterestPorts {
  readonly connectorId: string;
  /** The connection there is. */
  readonly current: () => InterestTarget | undefined;
  /** Makes one when there is none. */
  readonly connect: () => Promise<InterestTarget>;
  /** Told of a resource that may have changed unheard. */
  readonly missed: (uri: string) => void;
}

/** Resources of one server that clients may follow at a time. */
const MAX_RESOURCES = 10_000;
export const NO_INTEREST: Interest = { resources: new Set(), logLevel: undefined };

/** What clients want of one server beside answers, over all its connections. */
export class KeptInterest {
  readonly #ports: KeptInterestPorts;
  #interest: Interest = NO_INTEREST;
  /** What the server has agreed to, on whichever connection. */
  readonly #agreed = new Set<string>();

  constructor(ports: KeptInterestPorts) {
    this.#ports = ports;
  }

  get current(): Interest {
    return this.#interest;
  }

  /**
   * Replaces what is wanted, connecting for resources that were not followed so far. That the server takes no log level
   * is no failure.
   * @throws UpstreamError when a new resource cannot be followed; it is then no longer wanted.
   */
  async set(interest: Interest): Promise<void> {
    // One that another change is asking for just now is new to this one, too.
    const added = [...interest.resources].filter((uri) => !this.#agreed.has(uri));
    const { connectorId, current, connect } = this.#ports;
    if (interest.resources.size > MAX_RESOURCES) {
      const message = `more than ${MAX_RESOURCES} resources would be followed`;
      const details = { connectorId, phase: 'ready', unsent: true } as const;
      throw new UpstreamError('TOO_LARGE', message, details);
    }
    this.#interest = interest;
    let target: InterestTarget | undefined;
    try {
      target = added.length === 0 ? current() : await connect();
    } catch (error) {
      this.#forget(added);
      throw error;
    }
    if (target === undefined) return;
    // The latest, as others may have come in between.
    const refused = await this.#apply(target);
    const mine = new Set(added);
    const own = refused.filter(({ uri }) => mine.has(uri));
    const [first] = own;
    if (first === undefined) return;
    const uris = own.map(({ uri }) => uri);
    this.#forget(uris);
    throw refusalOf(first.error, new Set(uris));
  }

  /** There is a new connection: asks again for what is wanted. Never rejects. */
  async renew(target: InterestTarget): Promise<void> {
    const interest = this.#interest;
    if (interest.resources.size === 0 && interest.logLevel === undefined) return;
    const again = new Set(this.#agreed);
    await this.#apply(target);
    for (const uri of this.#agreed) {
      // Between two connections nobody was told anything.
      if (again.has(uri)) this.#ports.missed(uri);
    }
  }

  async #apply(target: InterestTarget): Promise<readonly RefusedResource[]> {
    const asked = this.#interest;
    const refused = await target.setInterest(asked);
    // What the server refused is not asked again; what failed on the way is, by the next connection.
    this.#forget(refused.filter(({ error }) => error.code === 'RPC_ERROR').map(({ uri }) => uri));
    for (const uri of asked.resources) this.#agreed.add(uri);
    for (const { uri } of refused) this.#agreed.delete(uri);
    for (const uri of this.#agreed) {
      if (!this.#interest.resources.has(uri)) this.#agreed.delete(uri);
    }
    return refused;
  }

  #forget(uris: readonly string[]): void {
    if (uris.length === 0) return;
    const gone = new Set(uris);
    const resources = new Set([...this.#interest.resources].filter((uri) => !gone.has(uri)));
    this.#interest = { ...this.#interest, resources };
  }
}

/** The error of the first of several that were refused together, naming them all. */
function refusalOf(cause: UpstreamError, refused: ReadonlySet<string>): UpstreamError {
  const { code, message, connectorId, phase, rpcErrorText, rpcCode, unsent } = cause;
  return new UpstreamError(code, message, {
    connectorId,
    phase,
    cause,
    refused,
    unsent,
    ...(rpcErrorText !== undefined && { rpcErrorText }),
    ...(rpcCode !== undefined && { rpcCode }),
  });
}
