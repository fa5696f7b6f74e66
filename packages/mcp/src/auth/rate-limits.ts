import { isIPv6 } from 'node:net';
import type { RateLimiterMemory } from 'rate-limiter-flexible';

/** Requests that are let through; 0 is any number. */
export interface LimitSettings {
  /** Of everybody together, a minute. */
  readonly requestsPerMinute: number;
  /** Of one address, a minute, before anything else is looked at. */
  readonly addressPerMinute: number;
  /** Wrong or missing keys of one address, a minute; more are answered with 429 instead of 401. */
  readonly failuresPerMinute: number;
  /** Of one key or token subject, a minute; a key may have its own. */
  readonly principalPerMinute: number;
  /** Of one key or token subject at the same time, open streams included. */
  readonly principalConcurrent: number;
}

/** Where auth is on. Nothing is limited where it is not. */
export const DEFAULT_LIMITS: LimitSettings = {
  requestsPerMinute: 0,
  addressPerMinute: 60_000,
  failuresPerMinute: 60,
  principalPerMinute: 0,
  principalConcurrent: 1_024,
};

type Rule = 'global' | 'address' | 'failures';

/** Counts by minutes. Memory is bounded: addresses share so many places. */
export interface RateLimits {
  /** Takes one; undefined when there was one left, else how long to wait, in milliseconds. */
  take(rule: Rule, address: string | undefined): Promise<number | undefined>;
  /** As `take` for somebody who is known. `perMinute` 0 is any number. */
  takeFor(principalId: string, perMinute: number): Promise<number | undefined>;
  /** How long an address must wait that has failed too often; takes nothing. */
  failing(address: string | undefined): Promise<number | undefined>;
}

/** Places for addresses, and for token subjects: two that fall on one share its count. */
const PLACES = 16_384;
const MINUTE_SEC = 60;

/** The part of an address that one customer has: a whole IPv4 address, half of an IPv6 one. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').length;
  const all = [...groups, ...Array.from({ length: missing }, () => '0')];
  return all.slice(0, 4).join(':');
}

/** FNV-1a with a beginning that nobody outside can know. */
function placeOf(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93) >>> 0;
  }
  return hash % PLACES;
}

function waitOf(refusal: unknown): number {
  const ms: unknown = Object(refusal).msBeforeNext;
  return typeof ms === 'number' && ms > 0 ? ms : 1_000;
}

/** Loads the limiter with the first thing it has to count. */
class MinuteLimits implements RateLimits {
  readonly #settings: LimitSettings;
  readonly #seed: number;
  readonly #limiters = new Map<string, Promise<RateLimiterMemory>>();
  readonly #ready = new Map<string, RateLimiterMemory>();

  constructor(settings: LimitSettings, random: () => number) {
    this.#settings = settings;
    this.#seed = Math.floor(random() * 2 ** 32) >>> 0;
  }

  async take(rule: Rule, address: string | undefined): Promise<number | undefined> {
    const key = rule === 'global' ? 'all' : this.#place(networkOf(address ?? ''));
    return await this.#consume(rule, key, this.#pointsOf(rule));
  }

  async takeFor(principalId: string, perMinute: number): Promise<number | undefined> {
    const isKey = principalId.startsWith('key:');
    const key = isKey ? principalId : this.#place(principalId);
    return await this.#consume(`principal ${perMinute}`, key, perMinute);
  }

  async failing(address: string | undefined): Promise<number | undefined> {
    const points = this.#settings.failuresPerMinute;
    const known = this.#limiters.get('failures');
    if (points === 0 || known === undefined) return undefined;
    const result = await (await known).get(this.#place(networkOf(address ?? '')));
    return result !== null && result.consumedPoints > points ? waitOf(result) : undefined;
  }

  #pointsOf(rule: Rule): number {
    const { requestsPerMinute, addressPerMinute, failuresPerMinute } = this.#settings;
    if (rule === 'global') return requestsPerMinute;
    return rule === 'address' ? addressPerMinute : failuresPerMinute;
  }

  #place(text: string): string {
    return String(placeOf(text, this.#seed));
  }

  async #consume(name: string, key: string, points: number): Promise<number | undefined> {
    if (points === 0) return undefined;
    const limiter = this.#ready.get(name) ?? (await this.#limiter(name, points));
    try {
      await limiter.consume(key);
      return undefined;
    } catch (refusal) {
      // It rejects with what is left, which is no error.
      return waitOf(refusal);
    }
  }

  async #limiter(name: string, points: number): Promise<RateLimiterMemory> {
    let limiter = this.#limiters.get(name);
    if (limiter === undefined) {
      limiter = import('rate-limiter-flexible').then(({ RateLimiterMemory: Limiter }) => {
        const made = new Limiter({ keyPrefix: '', points, duration: MINUTE_SEC });
        this.#ready.set(name, made);
        return made;
      });
      this.#limiters.set(name, limiter);
    }
    return await limiter;
  }
}

/** @param random for the seed by which addresses fall on places. */
export function createRateLimits(settings: LimitSettings, random: () => number): RateLimits {
  return new MinuteLimits(settings, random);
}
