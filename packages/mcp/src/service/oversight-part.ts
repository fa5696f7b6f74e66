import type { Logger } from 'pino';
import { createAuditPart, type AuditOptions, type AuditPart } from './audit-part.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { ServedManifest } from '../connectors/entry/served-manifest.ts';
import type { CallObserver } from '../gateway/ports.ts';
import type { Instruments } from '../observability/instruments.ts';
import { createDefinitionHasher } from '../pins/definition-hash.ts';
import type { PinsOptions, PinsPart } from './pins-options.ts';

/** What a service records of calls and looks at in what servers offer. */
export interface OversightOptions {
  /** Default: nothing is recorded. */
  readonly audit?: AuditOptions | undefined;
  /** Default: definitions and texts are not looked at. */
  readonly pins?: PinsOptions | undefined;
}

export interface OversightParts {
  readonly logger: Logger;
  readonly instruments: Pick<Instruments, 'registry'>;
  readonly manager: Pick<ConnectorProxyManager, 'served' | 'onChange'>;
  readonly definitions: () => readonly ConnectorDefinition[];
  readonly separator: string;
  /** What may be listed is not what it was. */
  readonly changed: () => void;
}

/** The audit log and the pins of a service, as far as it has them. */
export interface Oversight {
  readonly observer: CallObserver | undefined;
  /** What of the manifests that are served may be listed. Pauses between steps. */
  readonly listed: (
    served: readonly ServedManifest[],
  ) => Generator<void, readonly ServedManifest[], void>;
  /** What lists and calls depend on is read; before either. Never rejects. */
  prepare(): Promise<void>;
  /** Begins what is done in the background. */
  start(): Promise<void>;
  status(): Readonly<Record<string, unknown>>;
  /** Resolves when what is recorded is on the disk. */
  close(): Promise<void>;
}

// oxlint-disable-next-line require-yield -- nothing to pause for
function* asServed(
  served: readonly ServedManifest[],
): Generator<void, readonly ServedManifest[], void> {
  return served;
}

/** Whether lists cannot be made without the pins. */
function listsNeedPins(options: PinsOptions, definitions: readonly ConnectorDefinition[]): boolean {
  if (options.mode === 'quarantine' || options.oddText === 'strip') return true;
  return definitions.some(({ pins }) => pins === 'quarantine');
}

/** Opens and reads nothing before `prepare`; what is not asked for is not even loaded. */
export function createOversight(options: OversightOptions, parts: OversightParts): Oversight {
  const hashOf = createDefinitionHasher();
  const audit: AuditPart | undefined =
    options.audit === undefined ? undefined : createAuditPart(options.audit, { ...parts, hashOf });
  let pins: PinsPart | undefined;
  let closed = false;
  const pinsPart = async (): Promise<PinsPart | undefined> => {
    if (options.pins === undefined || closed) return undefined;
    const { createPinsPart } = await import('./pins-part.ts');
    pins ??= createPinsPart(options.pins, {
      ...parts,
      hashOf,
      event: (event, about) => audit?.event(event, about),
    });
    return pins;
  };
  return {
    observer: audit?.observer,
    listed: (served) => pins?.listed(served) ?? asServed(served),
    prepare: async () => {
      await audit?.start();
      if (options.pins === undefined || !listsNeedPins(options.pins, parts.definitions())) return;
      await (await pinsPart())?.prepare();
    },
    start: async () => {
      (await pinsPart())?.start();
    },
    status: () => ({ ...(audit && { audit: audit.status() }), ...pins?.status() }),
    close: async () => {
      closed = true;
      await pins?.close();
      await audit?.close();
    },
  };
}
