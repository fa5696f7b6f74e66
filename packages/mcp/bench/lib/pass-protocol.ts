import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { ServiceSettings } from '../../src/service/service.ts';
import type { Stalls } from './stall.ts';

/** What the bench asks of the process that is measured. */
export type PassCommand =
  /** Builds a service and runs one pass until the catalog is complete. */
  | {
      readonly kind: 'cold';
      readonly connectors: readonly ConnectorDefinition[];
      /** With `backgroundRefresh` the pass is that of a service that starts; by default one is asked for. */
      readonly settings: Partial<ServiceSettings>;
      /** The pass counts as done as soon as this many connectors are served. Default: when it has ended. */
      readonly served?: number | undefined;
    }
  /** One more pass of the same service. */
  | { readonly kind: 'again' };

/** One pass. Times in milliseconds. */
export interface PassFigures extends Stalls {
  readonly wallMs: number;
  /** User and system time of the whole process, parsing of modules excluded. */
  readonly cpuMs: number;
  /** Tools on the shared endpoint at the end. */
  readonly tools: number;
}
