import type { HeldToken } from './held-token.ts';

/** How a connector's credential stands; never a token. */
export interface CredentialState {
  readonly state: 'ready' | 'expired' | 'absent' | 'refused';
  readonly grant: 'authorization_code' | 'client_credentials';
  readonly issuer?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** ISO 8601. */
  readonly expiresAt?: string | undefined;
  readonly problem?: string | undefined;
}

/** @param problem what the last renewal failed with. */
export function credentialState(
  grant: CredentialState['grant'],
  held: HeldToken | undefined,
  problem: string | undefined,
): CredentialState {
  const failed = problem === undefined ? {} : { problem };
  if (held === undefined) {
    return { state: problem === undefined ? 'absent' : 'refused', grant, ...failed };
  }
  const { issuer, scopes, expiresAtMs } = held.record;
  return {
    state: performance.now() < held.expiresAtMs ? 'ready' : 'expired',
    grant,
    issuer,
    scopes,
    ...(expiresAtMs !== undefined && { expiresAt: new Date(expiresAtMs).toISOString() }),
    ...failed,
  };
}
