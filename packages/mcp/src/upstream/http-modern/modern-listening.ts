import { RPC, errorObject } from '../../protocol/message.ts';
import type { InterestTarget, RefusedResource } from '../kept-interest.ts';
import type { Interest } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

/** One subscription, from its request to its end. */
export interface Subscription {
  /** Whether the server would tell of a change now. */
  readonly isOpen: boolean;
  close(): void;
}

/** What became of a subscription that was asked for. */
export type SubscriptionOutcome =
  | { readonly kind: 'open'; readonly resources: ReadonlySet<string> }
  | { readonly kind: 'failed'; readonly error: UpstreamError };

export interface ModernListeningOptions {
  readonly connectorId: string;
  /** Whether the server tells of changes of its lists. */
  readonly hasLists: boolean;
  /**
   * Asks for changes of the lists and of these resources.
   * @param soon false: it may wait, as for lists alone that were had a moment ago.
   * @param settled called once, when the server has agreed or refused.
   */
  readonly subscribe: (
    resources: ReadonlySet<string>,
    soon: boolean,
    settled: (outcome: SubscriptionOutcome) => void,
  ) => Subscription;
}

const NONE: ReadonlySet<string> = new Set();

function sameMembers(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((member) => b.has(member));
}

/**
 * What a modern server tells unasked. The filter of a subscription is fixed, so another filter is another subscription:
 * it is opened before the one it replaces is closed, so that nothing is missed (spec 2026-07-28, subscriptions/listen).
 */
export class ModernListening implements InterestTarget {
  readonly #options: ModernListeningOptions;
  #subscription: Subscription | undefined;
  /** What the subscription covers. */
  #covered: ReadonlySet<string> = NONE;
  #wanted: ReadonlySet<string> = NONE;
  readonly #refused = new Map<string, UpstreamError>();
  #listening = false;
  #dirty = false;
  #running: Promise<void> | undefined;
  /** Ends the subscription that is asked for and not agreed to yet. */
  #giveUp: (() => void) | undefined;
  #closed = false;

  constructor(options: ModernListeningOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#subscription?.isOpen === true;
  }

  /** From now on changes of the lists are wanted. Does nothing the second time. */
  listen(): void {
    if (this.#listening || this.#closed) return;
    this.#listening = true;
    // One for resources covers the lists as well.
    if (!this.#options.hasLists || this.#subscription !== undefined || this.#running) return;
    this.#subscription = this.#options.subscribe(NONE, false, () => undefined);
  }

  async setInterest({ resources }: Interest): Promise<readonly RefusedResource[]> {
    const added = [...resources].filter((uri) => !this.#wanted.has(uri));
    for (const uri of added) this.#refused.delete(uri);
    this.#wanted = resources;
    this.#dirty = true;
    this.#running ??= this.#run();
    await this.#running;
    return [...resources].flatMap((uri) => {
      const error = this.#refused.get(uri);
      return error === undefined ? [] : [{ uri, error }];
    });
  }

  /** Ends it for good. */
  close(): void {
    this.#closed = true;
    this.#giveUp?.();
    this.#subscription?.close();
  }

  /** One change at a time; those that come meanwhile are taken together by the next. */
  async #run(): Promise<void> {
    // Yields first, so that `#running` is set before this can end.
    await Promise.resolve();
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      for (const uri of this.#refused.keys()) {
        if (!this.#wanted.has(uri)) this.#refused.delete(uri);
      }
      await this.#cover(new Set([...this.#wanted].filter((uri) => !this.#refused.has(uri))));
    }
    this.#running = undefined;
  }

  async #cover(resources: ReadonlySet<string>): Promise<void> {
    if (sameMembers(resources, this.#covered)) return;
    const before = this.#subscription;
    if (resources.size === 0 && !(this.#listening && this.#options.hasLists)) {
      this.#subscription = undefined;
      this.#covered = NONE;
      before?.close();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<SubscriptionOutcome>();
    const next = this.#options.subscribe(resources, true, resolve);
    this.#giveUp = () => resolve({ kind: 'failed', error: this.#over() });
    const outcome = await promise;
    this.#giveUp = undefined;
    if (outcome.kind === 'failed') {
      next.close();
      this.#refuse(resources, this.#covered, outcome.error);
      return;
    }
    this.#refuse(resources, outcome.resources, undefined);
    this.#covered = new Set([...resources].filter((uri) => outcome.resources.has(uri)));
    this.#subscription = next;
    before?.close();
  }

  #refuse(
    asked: ReadonlySet<string>,
    granted: ReadonlySet<string>,
    error: UpstreamError | undefined,
  ): void {
    for (const uri of asked) {
      if (!granted.has(uri)) this.#refused.set(uri, error ?? this.#notGranted());
    }
  }

  #over(): UpstreamError {
    const { connectorId } = this.#options;
    const message = 'the connection was given up';
    return new UpstreamError('CLOSED', message, { connectorId, phase: 'ready' });
  }

  #notGranted(): UpstreamError {
    const { connectorId } = this.#options;
    const message = 'the server does not tell of changes of this resource';
    return new UpstreamError('RPC_ERROR', message, {
      connectorId,
      phase: 'ready',
      rpcCode: RPC.invalidParams,
      rpcErrorText: errorObject(RPC.invalidParams, message),
    });
  }
}
