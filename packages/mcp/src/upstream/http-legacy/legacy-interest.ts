import pLimit from 'p-limit';
import { RPC, errorObject, type RawMember } from '../../protocol/message.ts';
import { isJsonObject } from '../streamable-http/http-message.ts';
import type { InterestTarget, RefusedResource } from '../kept-interest.ts';
import type { Interest, UpstreamInfo } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

export interface LegacyInterestOptions {
  readonly connectorId: string;
  readonly info: UpstreamInfo;
  /** One request to the server. @throws UpstreamError */
  readonly ask: (method: string, members: readonly RawMember[]) => Promise<unknown>;
}

/** Requests of this kind under way at a time: after a restart all of them come at once. */
const CONCURRENCY = 8;
const LOG_LEVEL = Symbol('log level');

type Subject = string | typeof LOG_LEVEL;

/** Tells a legacy server what is wanted of it: `resources/subscribe`, `resources/unsubscribe`, `logging/setLevel`. */
export class LegacyInterest implements InterestTarget {
  readonly #options: LegacyInterestOptions;
  readonly #limit = pLimit(CONCURRENCY);
  /** Subscribed or about to be, each with how the server answered. */
  readonly #subscribed = new Map<string, Promise<UpstreamError | undefined>>();
  /** The last message about each subject: the next one must not overtake it on another socket. */
  readonly #last = new Map<Subject, Promise<unknown>>();
  #level: string | undefined;

  constructor(options: LegacyInterestOptions) {
    this.#options = options;
  }

  async setInterest({ resources, logLevel }: Interest): Promise<readonly RefusedResource[]> {
    for (const uri of this.#subscribed.keys()) {
      if (!resources.has(uri)) this.#unsubscribe(uri);
    }
    const leveled = this.#setLevel(logLevel);
    const refused: RefusedResource[] = [];
    await Promise.all(
      Array.from(resources, async (uri) => {
        const error = await this.#subscribe(uri);
        if (error !== undefined) refused.push({ uri, error });
      }),
    );
    await leveled;
    return refused;
  }

  async #subscribe(uri: string): Promise<UpstreamError | undefined> {
    const known = this.#subscribed.get(uri);
    if (known !== undefined) return await known;
    if (!this.#offers('resources', 'subscribe')) return this.#notOffered();
    const answer = this.#send(uri, 'resources/subscribe', 'uri', uri);
    this.#subscribed.set(uri, answer);
    const error = await answer;
    if (error !== undefined && this.#subscribed.get(uri) === answer) this.#subscribed.delete(uri);
    return error;
  }

  #unsubscribe(uri: string): void {
    this.#subscribed.delete(uri);
    // One it goes on telling of is heard by nobody.
    void this.#send(uri, 'resources/unsubscribe', 'uri', uri);
  }

  async #setLevel(level: string | undefined): Promise<void> {
    if (level === undefined || level === this.#level || !this.#offers('logging')) return;
    this.#level = level;
    const error = await this.#send(LOG_LEVEL, 'logging/setLevel', 'level', level);
    if (error !== undefined && this.#level === level) this.#level = undefined;
  }

  /** Never rejects. */
  async #send(
    subject: Subject,
    method: string,
    key: string,
    value: string,
  ): Promise<UpstreamError | undefined> {
    const before = this.#last.get(subject);
    const answer = this.#after(before, method, [{ key, text: JSON.stringify(value) }]);
    this.#last.set(subject, answer);
    const error = await answer;
    if (this.#last.get(subject) === answer) this.#last.delete(subject);
    return error;
  }

  async #after(
    before: Promise<unknown> | undefined,
    method: string,
    members: readonly RawMember[],
  ): Promise<UpstreamError | undefined> {
    await before;
    try {
      await this.#limit(async () => await this.#options.ask(method, members));
      return undefined;
    } catch (error) {
      if (error instanceof UpstreamError) return error;
      throw error;
    }
  }

  #offers(capability: string, part?: string): boolean {
    const offered = this.#options.info.capabilities[capability];
    return isJsonObject(offered) && (part === undefined || offered[part] === true);
  }

  #notOffered(): UpstreamError {
    const { connectorId } = this.#options;
    const message = 'the server offers no subscriptions to resources';
    return new UpstreamError('RPC_ERROR', message, {
      connectorId,
      phase: 'ready',
      rpcCode: RPC.methodNotFound,
      rpcErrorText: errorObject(RPC.methodNotFound, `Method not found: resources/subscribe`),
    });
  }
}
