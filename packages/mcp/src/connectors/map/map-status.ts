import type { ErrorRemedy } from '../../protocol/error-remedies.ts';
import type { SignatureAlgorithm } from './signature-keys.ts';

/** Where the map stands: `expired` is past every use, `none` has never been had. */
export type MapState = 'fresh' | 'stale' | 'expired' | 'none';

/** The service map as `/status` shows it: durations in milliseconds, no secrets. */
export interface MapStatus {
  /** URL without user info and query, or the file. */
  readonly source: string;
  readonly state: MapState;
  readonly generatedAt: string | undefined;
  /** Since `generatedAt`, by this machine's clock. */
  readonly ageMs: number | undefined;
  /** How much longer it may be used if no newer one can be had. */
  readonly usableForMs: number | undefined;
  readonly signedBy:
    | { readonly alg: SignatureAlgorithm; readonly kid: string | undefined }
    | undefined;
  /** Connectors in the map, those that cannot be used included. */
  readonly connectors: number;
  /** Why the last fetch failed; undefined after one that went well. */
  readonly lastError:
    | ({ readonly code: string; readonly message: string } & Partial<ErrorRemedy>)
    | undefined;
  readonly failuresInARow: number;
  readonly nextFetchInMs: number | undefined;
  readonly warnings: readonly string[];
}
