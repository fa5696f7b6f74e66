import type { Logger } from 'pino';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { ServedManifest } from '../connectors/entry/served-manifest.ts';
import type { Instruments } from '../observability/instruments.ts';
import type { FirstUse, OddTextMode, PinMode } from '../pins/pin-mode.ts';

/** What is done about definitions and texts of servers. */
export interface PinsOptions {
  /** Holds `pins.json`. */
  readonly stateFolder: string;
  /** For connectors that say nothing themselves. Default: `alert`. */
  readonly mode: PinMode;
  /** Default: `approve`. */
  readonly firstUse: FirstUse;
  /** Default: `flag`. */
  readonly oddText: OddTextMode;
}

export interface PinsParts {
  readonly logger: Logger;
  readonly instruments: Pick<Instruments, 'registry'>;
  readonly manager: Pick<ConnectorProxyManager, 'served' | 'onChange'>;
  readonly definitions: () => readonly ConnectorDefinition[];
  readonly hashOf: (definition: { readonly text: string }) => string;
  /** Between connector id and name on the shared endpoint. */
  readonly separator: string;
  /** What may be listed is not what it was. */
  readonly changed: () => void;
  /** For the audit log. */
  readonly event: (
    event: string,
    about: { readonly connector: string; readonly detail: string },
  ) => void;
}

/** Pins and flags of a service. */
export interface PinsPart {
  /** Reads the pins: before lists are made, when lists depend on them. Never rejects. */
  prepare(): Promise<void>;
  /** Begins to look at what servers offer, in the background. */
  start(): void;
  /** What of that may be listed, and as what. Pauses between steps. */
  listed(served: readonly ServedManifest[]): Generator<void, readonly ServedManifest[], void>;
  status(): Readonly<Record<string, unknown>>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}
