import { createHash, randomBytes } from 'node:crypto';

/** A token that was given, as the server remembers it. */
export interface GivenToken {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  readonly endsAtMs: number;
}

interface PendingCode extends Omit<GivenToken, 'endsAtMs'> {
  readonly redirectUri: string;
  readonly challenge: string;
}

/** What a token endpoint answers. */
export type GrantAnswer = Readonly<Record<string, unknown>> & { readonly error?: string };

export interface GrantOptions {
  /** Of access tokens; undefined leaves `expires_in` out. */
  lifetimeSec: number | undefined;
  /** Whether a refresh token is good only once. */
  rotates: boolean;
  /** Whether logins get a refresh token. */
  refreshes: boolean;
}

const word = (kind: string): string => `${kind}-${randomBytes(18).toString('base64url')}`;

/** Codes and tokens of an authorization server, as RFC 6749 and RFC 7636 have them. */
export class OAuthGrants {
  readonly options: GrantOptions;
  /** Good access tokens. */
  readonly access: Map<string, GivenToken> = new Map<string, GivenToken>();
  /** Good refresh tokens. */
  readonly refresh: Map<string, Omit<GivenToken, 'endsAtMs'>> = new Map();
  /** Every token, code and secret that was ever given: none of them may show up anywhere. */
  readonly everything: string[] = [];
  readonly #codes = new Map<string, PendingCode>();

  constructor(options: GrantOptions) {
    this.options = options;
  }

  code(pending: PendingCode): string {
    const code = word('code');
    this.everything.push(code);
    this.#codes.set(code, pending);
    return code;
  }

  /** Makes every access token invalid, as an expiry or a revocation by hand does. */
  expireAll(): void {
    this.access.clear();
  }

  answer(form: URLSearchParams, clientId: string): GrantAnswer {
    switch (form.get('grant_type') ?? '') {
      case 'authorization_code':
        return this.#forCode(form, clientId);
      case 'refresh_token':
        return this.#forRefresh(form, clientId);
      case 'client_credentials': {
        const scopes = (form.get('scope') ?? '').split(' ').filter(Boolean);
        return this.#give({ clientId, scopes, resource: form.get('resource') ?? undefined }, false);
      }
      default:
        return { error: 'unsupported_grant_type' };
    }
  }

  #forCode(form: URLSearchParams, clientId: string): GrantAnswer {
    const code = form.get('code') ?? '';
    const pending = this.#codes.get(code);
    this.#codes.delete(code);
    const verifier = form.get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const fits =
      pending !== undefined &&
      pending.clientId === clientId &&
      pending.redirectUri === form.get('redirect_uri') &&
      pending.challenge === challenge;
    return fits ? this.#give(pending, this.options.refreshes) : { error: 'invalid_grant' };
  }

  #forRefresh(form: URLSearchParams, clientId: string): GrantAnswer {
    const token = form.get('refresh_token') ?? '';
    const known = this.refresh.get(token);
    if (known === undefined || known.clientId !== clientId) return { error: 'invalid_grant' };
    if (this.options.rotates) this.refresh.delete(token);
    return this.#give(known, this.options.rotates);
  }

  #give(
    { clientId, scopes, resource }: Omit<GivenToken, 'endsAtMs'>,
    refreshes: boolean,
  ): GrantAnswer {
    const { lifetimeSec } = this.options;
    const endsAtMs = performance.now() + (lifetimeSec ?? 3_600) * 1_000;
    const token = word('access');
    const refreshToken = refreshes ? word('refresh') : undefined;
    this.everything.push(token, ...(refreshToken === undefined ? [] : [refreshToken]));
    this.access.set(token, { clientId, scopes, resource, endsAtMs });
    if (refreshToken !== undefined) this.refresh.set(refreshToken, { clientId, scopes, resource });
    return {
      access_token: token,
      token_type: 'Bearer',
      ...(lifetimeSec !== undefined && { expires_in: lifetimeSec }),
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      scope: scopes.join(' '),
    };
  }
}
