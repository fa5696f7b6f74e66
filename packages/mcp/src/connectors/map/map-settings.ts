import type { Secret } from '../secret.ts';
import type { SignatureSignKey, SignatureVerifyKey } from './signature-keys.ts';

/** Where the map comes from. */
export type MapSourceSettings =
  | {
      readonly kind: 'url';
      readonly url: Secret<string>;
      /** Bearer for the request of the map, and for nothing else. */
      readonly apiKey: Secret<string> | undefined;
    }
  | { readonly kind: 'file'; readonly path: string }
  /** Written into the configuration. */
  | { readonly kind: 'inline'; readonly map: unknown };

/** A service map to follow. */
export interface ServiceMapSettings {
  readonly source: MapSourceSettings;
  /** The source as it may be shown: no user info, no query. */
  readonly shown: string;
  /** Current key first, then previous ones. */
  readonly keys: Secret<readonly SignatureVerifyKey[]>;
  /** Hosts of connectors that may be reached over http or at a private address (lower case, with port). */
  readonly allowHosts: readonly string[];
  /** Command lines that a remote map may run, each exactly as it is written here. */
  readonly allowCommands: readonly (readonly string[])[];
  /** Names that `${NAME}` of a remote map may read; a configuration that names none allows none. Undefined: all but our own keys. */
  readonly allowVariables: readonly string[] | undefined;
  /** Connectors that may be sent `CONNECTORS_API_KEY`. */
  readonly sharedKeyFor: readonly string[];
  /** How long past its TTL a map may be used. Default 24 h and 15 minutes. */
  readonly maxStaleMs: number | undefined;
  /** For one fetch, whole body. Default 5000. */
  readonly timeoutMs: number | undefined;
  /** Of the decompressed body. Default 10 MiB. */
  readonly maxBytes: number | undefined;
}

/** A map to serve at `/v1/connectors/service-map`. */
export interface PublishedMapSettings {
  readonly path: string;
  /** Signs a map that is not signed yet; undefined serves signed ones only. */
  readonly key: Secret<SignatureSignKey> | undefined;
}
