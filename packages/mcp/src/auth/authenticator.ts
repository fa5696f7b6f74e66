import type { IncomingMessage } from 'node:http';
import { createSecretCheck } from './api-key.ts';
import type { KeyStore } from './key-store.ts';
import type { KeyRate } from './keys-file.ts';
import { SCOPES } from './grant.ts';
import { isOperatorToken } from './operator-token.ts';
import type { Principal } from './principal.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** What somebody showed to be let in, and what it is worth. */
export type Identification =
  | {
      readonly kind: 'known';
      readonly principal: Principal;
      readonly rate?: KeyRate | undefined;
      /** When what was shown ends, in milliseconds since 1970; undefined for keys, which are looked after elsewhere. */
      readonly expiresAtMs?: number;
    }
  /** Nothing was shown. */
  | { readonly kind: 'nobody' }
  /** What was shown is wrong, expired or revoked; which of them is nobody's business. */
  | { readonly kind: 'wrong' }
  | { readonly kind: 'scope'; readonly missing: readonly string[] }
  | { readonly kind: 'unavailable' };

export interface AuthenticatorOptions {
  /** The keys in force; undefined when there is no file of them. */
  readonly keys: () => KeyStore | undefined;
  /** `MCP_API_KEY`: one key for clients and operators. */
  readonly sharedKey: string | undefined;
  readonly tokens: TokenVerifier | undefined;
  /** By which the commands of this machine are known; undefined without a state folder. */
  readonly operatorSecret: Buffer | undefined;
  /** Whether tokens may be judged at all for this caller now: a signature costs more than a key. */
  readonly mayJudge: (request: IncomingMessage) => Promise<boolean>;
  /** A key was used. */
  readonly used: (keyId: string, nowMs: number) => void;
}

/** Finds out who sends a request. Never rejects. */
export interface Authenticator {
  identify(request: IncomingMessage): Promise<Identification>;
}

const ALL_SCOPES: ReadonlySet<string> = new Set(SCOPES);

const SHARED_KEY: Principal = {
  id: 'key:shared',
  kind: 'shared-key',
  policy: undefined,
  scopes: ALL_SCOPES,
};
const OPERATOR: Principal = {
  id: 'operator',
  kind: 'operator',
  policy: undefined,
  scopes: ALL_SCOPES,
};
const WRONG: Identification = { kind: 'wrong' };
const NOBODY: Identification = { kind: 'nobody' };
/** `header.payload.signature`. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** What a request shows; only headers count, as addresses end up in logs. */
function shown({ headers }: IncomingMessage): string | undefined {
  const { authorization, 'x-api-key': apiKey } = headers;
  if (authorization !== undefined) return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
  return typeof apiKey === 'string' ? apiKey : undefined;
}

/** True when a request was sent on this machine. */
function isLocal({ socket: { remoteAddress, localAddress } }: IncomingMessage): boolean {
  if (remoteAddress === undefined || remoteAddress === localAddress) return true;
  return /^(?:::ffff:)?127\.|^::1$/.test(remoteAddress);
}

/** Asks keys, then the shared key, then the authorization server's tokens: by the form of what was shown. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { keys, sharedKey, tokens, operatorSecret, mayJudge, used } = options;
  const isShared = sharedKey === undefined ? undefined : createSecretCheck(sharedKey);
  const byKey = (text: string): Identification | undefined => {
    const nowMs = Date.now();
    const found = keys()?.find(text, nowMs);
    if (found === undefined) return undefined;
    used(found.principal.id.slice('key:'.length), nowMs);
    return { kind: 'known', principal: found.principal, rate: found.rate };
  };
  const isOperator = (text: string, request: IncomingMessage): boolean =>
    operatorSecret !== undefined &&
    isLocal(request) &&
    isOperatorToken(operatorSecret, text, { port: request.socket.localPort, nowMs: Date.now() });
  const byToken = async (text: string, request: IncomingMessage): Promise<Identification> => {
    if (tokens === undefined || !JWT.test(text)) return WRONG;
    // Whoever shares an address with somebody who guesses must not be locked out with him.
    if (!(await mayJudge(request)) && !tokens.knows(text)) return WRONG;
    const verdict = await tokens.verify(text);
    if (verdict.kind === 'good') {
      const { principal, expiresAtMs } = verdict;
      return { kind: 'known', principal, expiresAtMs };
    }
    return verdict.kind === 'bad' ? WRONG : verdict;
  };
  return {
    identify: async (request) => {
      const text = shown(request);
      if (text === undefined) return NOBODY;
      if (text === '') return WRONG;
      const key = byKey(text);
      if (key !== undefined) return key;
      if (isShared?.(text) === true) return { kind: 'known', principal: SHARED_KEY };
      if (text.startsWith('mgo_')) {
        return isOperator(text, request) ? { kind: 'known', principal: OPERATOR } : WRONG;
      }
      return await byToken(text, request);
    },
  };
}
