import type { Policy } from './policy.ts';

/** How a principal proved who it is; `anonymous` did not have to. */
export type PrincipalKind = 'anonymous' | 'shared-key' | 'key' | 'oauth' | 'operator';

/** Who sends a request, as the listener found out. The same object may come with many requests. */
export interface Principal {
  /**
   * Stable over restarts and rotations, and never a secret: `anonymous`, `key:shared`, `key:<keyId>`,
   * `oauth:<issuer>#<subject>`, or `operator` for the commands of this machine. Sessions, states and tasks of one
   * principal are worth nothing to any other.
   */
  readonly id: string;
  readonly kind: PrincipalKind;
  /** What it may see and call; undefined: everything. */
  readonly policy: Policy | undefined;
  /** What it may do: `client`, `operator`, `registry:write` and whatever else its key or token names. */
  readonly scopes: ReadonlySet<string>;
}
