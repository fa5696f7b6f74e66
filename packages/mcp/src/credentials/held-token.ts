import type { StoredCredential } from './credential-store.ts';

/** A token in use, with its times on the clock of `performance.now()`: a step of the wall clock changes nothing. */
export interface HeldToken {
  readonly record: StoredCredential;
  /** `Bearer …`, made once. */
  readonly header: string;
  /** From here on it is renewed while it is still used. */
  readonly refreshAtMs: number;
  /** From here on it is not sent. */
  readonly expiresAtMs: number;
}

/** A token is given up this much before its end: it has to arrive in time. */
const MARGIN_MS = 5_000;

export interface HoldOptions {
  readonly nowMs: number;
  readonly wallMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Whether it can be renewed without a person. */
  readonly renewable: boolean;
}

/** Renewal is due at `lifetime × U[0.75, 0.90]`, so that many gateways do not ask in the same second. */
export function holdToken(record: StoredCredential, options: HoldOptions): HeldToken | undefined {
  const { accessToken, expiresAtMs, obtainedAtMs } = record;
  if (accessToken === undefined) return undefined;
  const header = `Bearer ${accessToken}`;
  if (expiresAtMs === undefined) {
    return { record, header, refreshAtMs: Infinity, expiresAtMs: Infinity };
  }
  const lifetimeMs = Math.max(0, expiresAtMs - obtainedAtMs);
  const marginMs = Math.min(MARGIN_MS, lifetimeMs / 10);
  const endsAtMs = options.nowMs + (expiresAtMs - options.wallMs) - marginMs;
  const share = 0.75 + 0.15 * options.random();
  const dueAtMs = options.nowMs + (obtainedAtMs + lifetimeMs * share - options.wallMs);
  return {
    record,
    header,
    refreshAtMs: options.renewable ? Math.min(dueAtMs, endsAtMs) : endsAtMs,
    expiresAtMs: endsAtMs,
  };
}
