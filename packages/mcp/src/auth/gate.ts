import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator, Identification } from './authenticator.ts';
import type { Presence } from './presence.ts';
import type { Principal } from './principal.ts';
import type { LimitSettings, RateLimits } from './rate-limits.ts';
import { wantedScopes, type RouteRules } from './route-rules.ts';

/** Whether a request goes on to its route. */
export type Admission =
  | { readonly kind: 'admitted'; readonly principal: Principal }
  | {
      readonly kind: 'refused';
      readonly status: 401 | 403 | 429 | 503;
      readonly headers: Readonly<Record<string, string>>;
      /** `error` of RFC 6750, or a word of ours. */
      readonly error: string;
      readonly message: string;
    };

/** How an attempt to get in ended; the label of the metric. */
export type GateOutcome =
  | 'admitted'
  | 'missing'
  | 'wrong'
  | 'forbidden'
  | 'limited'
  | 'unavailable';

/** Judges every request before its route sees it. */
export interface Gate {
  /** Never rejects. `rest` is what follows the route's path. */
  admit(
    request: IncomingMessage,
    response: ServerResponse,
    route: RouteRules,
    rest: string,
  ): Promise<Admission>;
}

export interface GateOptions {
  /** Asked for each request. Undefined lets everybody in: only limits apply. */
  readonly authenticator: () => Authenticator | undefined;
  /** Who comes where nobody has to say who he is. */
  readonly anonymous: Principal;
  readonly limits: RateLimits;
  readonly limitSettings: LimitSettings;
  readonly presence: Presence;
  /** RFC 9728 document that says where tokens come from. Default: none. */
  readonly metadataUrl?: string | undefined;
  /** Scopes that a client should ask for. */
  readonly requiredScopes?: readonly string[];
  readonly count: (outcome: GateOutcome) => void;
}

type Refused = Extract<Admission, { kind: 'refused' }>;

/** Whoever has proved to a route what only that route knows. */
const PROOF_ID = 'route';
/** Calls may go on for so long after their token has ended; what is open for longer is a stream. */
const CALL_MS = 600_000;

function provenTo(scopes: readonly string[]): Admission {
  const principal: Principal = {
    id: PROOF_ID,
    kind: 'operator',
    policy: undefined,
    scopes: new Set(scopes),
  };
  return { kind: 'admitted', principal };
}

function isEnough(
  { policy, scopes }: Principal,
  { whole = false }: RouteRules,
  wanted: readonly string[],
): boolean {
  if (whole && policy?.partial === true) return false;
  return wanted.some((scope) => scopes.has(scope));
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '')}"`;
}

class RequestGate implements Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  async admit(
    request: IncomingMessage,
    response: ServerResponse,
    route: RouteRules,
    rest: string,
  ): Promise<Admission> {
    const admission =
      (await this.#flooded(request)) ?? (await this.#judge(request, response, route, rest));
    if (admission.kind === 'admitted') this.#options.count('admitted');
    return admission;
  }

  async #flooded({ socket: { remoteAddress } }: IncomingMessage): Promise<Refused | undefined> {
    const { limits, limitSettings } = this.#options;
    const { requestsPerMinute, addressPerMinute } = limitSettings;
    if (requestsPerMinute === 0 && addressPerMinute === 0) return undefined;
    const waitMs =
      (await limits.take('address', remoteAddress)) ?? (await limits.take('global', undefined));
    return waitMs === undefined ? undefined : this.#limited(waitMs);
  }

  async #judge(
    request: IncomingMessage,
    response: ServerResponse,
    route: RouteRules,
    rest: string,
  ): Promise<Admission> {
    const authenticator = this.#options.authenticator();
    const wanted = wantedScopes(route, request.method ?? '');
    if (wanted === undefined || authenticator === undefined) {
      return { kind: 'admitted', principal: this.#options.anonymous };
    }
    if (route.proof?.(request, rest) === true) return provenTo(wanted);
    const found = await authenticator.identify(request);
    if (found.kind !== 'known') return await this.#refuse(request, found, wanted);
    const { principal } = found;
    if (!isEnough(principal, route, wanted)) {
      return this.#forbidden(principal.kind === 'oauth' ? this.#required() : wanted.slice(0, 1));
    }
    return (await this.#busy(found, request, response)) ?? { kind: 'admitted', principal };
  }

  async #busy(
    { principal, rate, expiresAtMs }: Extract<Identification, { kind: 'known' }>,
    { method }: IncomingMessage,
    response: ServerResponse,
  ): Promise<Refused | undefined> {
    const { limits, limitSettings, presence } = this.#options;
    const perMinute = rate?.perMinute ?? limitSettings.principalPerMinute;
    const waitMs = await limits.takeFor(principal.id, perMinute);
    if (waitMs !== undefined) return this.#limited(waitMs);
    const most = rate?.concurrent ?? limitSettings.principalConcurrent;
    const endsAtMs = (expiresAtMs ?? Infinity) + (method === 'GET' ? 0 : CALL_MS);
    const isIn = presence.enter(principal.id, response, { most, endsAtMs });
    return isIn ? undefined : this.#limited(1_000);
  }

  async #refuse(
    { socket: { remoteAddress } }: IncomingMessage,
    found: Exclude<Identification, { kind: 'known' }>,
    wanted: readonly string[],
  ): Promise<Refused> {
    if (found.kind === 'unavailable') {
      this.#options.count('unavailable');
      return {
        kind: 'refused',
        status: 503,
        headers: { 'retry-after': '5' },
        error: 'temporarily_unavailable',
        message: 'tokens cannot be checked at the moment',
      };
    }
    if (found.kind === 'scope')
      return this.#forbidden(found.missing.length > 0 ? this.#required() : wanted);
    const waitMs = await this.#options.limits.take('failures', remoteAddress);
    if (waitMs !== undefined) return this.#limited(waitMs);
    const isWrong = found.kind === 'wrong';
    this.#options.count(isWrong ? 'wrong' : 'missing');
    return {
      kind: 'refused',
      status: 401,
      headers: { 'www-authenticate': this.#challenge(isWrong ? 'invalid_token' : undefined) },
      error: isWrong ? 'invalid_token' : 'unauthorized',
      message: isWrong
        ? 'the key or token is wrong, expired or revoked'
        : 'send Authorization: Bearer <key>; see cortex-mcp keys create',
    };
  }

  #required(): readonly string[] {
    return this.#options.requiredScopes ?? [];
  }

  #forbidden(wanted: readonly string[]): Refused {
    this.#options.count('forbidden');
    return {
      kind: 'refused',
      status: 403,
      headers: { 'www-authenticate': this.#challenge('insufficient_scope', wanted) },
      error: 'insufficient_scope',
      message: 'the key or token may not do this',
    };
  }

  #limited(waitMs: number): Refused {
    this.#options.count('limited');
    return {
      kind: 'refused',
      status: 429,
      headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) },
      error: 'too_many_requests',
      message: 'too many requests; wait before the next',
    };
  }

  /** RFC 6750 section 3, with the parameter of RFC 9728 section 5.1. */
  #challenge(error?: string, scopes: readonly string[] = this.#required()): string {
    const { metadataUrl } = this.#options;
    const parts = [
      error === undefined ? '' : `error=${quoted(error)}`,
      scopes.length === 0 ? '' : `scope=${quoted(scopes.join(' '))}`,
      metadataUrl === undefined ? '' : `resource_metadata=${quoted(metadataUrl)}`,
    ].filter((part) => part !== '');
    return parts.length === 0 ? 'Bearer realm="cortex-mcp"' : `Bearer ${parts.join(', ')}`;
  }
}

export function createGate(options: GateOptions): Gate {
  return new RequestGate(options);
}
