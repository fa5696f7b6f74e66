import type { Logger } from 'pino';
import type { ConnectorSet } from './connector-set.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { Endpoint } from '../gateway/endpoint.ts';
import type { Oversight } from './oversight-part.ts';
import type { RegistryPart } from './registry/registry-part.ts';
import type { ServiceFront } from './service-front.ts';
import { socketClosers, type ServiceSockets } from './service-sockets.ts';
import type { StateOwner } from './state-owner.ts';

/** Ends one part of a service. */
export type Closer = () => Promise<unknown>;

/**
 * Closes the parts of a service, one wave after the other, those of a wave together. A part that fails is logged and
 * holds up nothing. Never rejects.
 */
export async function closeInWaves(
  waves: readonly (readonly Closer[])[],
  logger: Logger,
): Promise<void> {
  for (const wave of waves) {
    for (const result of await Promise.allSettled(wave.map(async (close) => await close()))) {
      if (result.status === 'rejected') {
        logger.error({ err: result.reason }, 'a part did not close cleanly');
      }
    }
  }
}

/** How long requests under way may take to end once the service closes. */
const CLOSE_GRACE_MS = 500;

/** What a service is made of, as far as it has to be closed. */
export interface ClosedParts {
  readonly connectors: Pick<ConnectorSet, 'stop'>;
  readonly manager: Pick<ConnectorProxyManager, 'disconnect'>;
  readonly registry: Pick<RegistryPart, 'close'> | undefined;
  readonly endpoint: Pick<Endpoint, 'close' | 'settled'>;
  readonly owner: Pick<StateOwner, 'release'>;
  readonly oversight: Pick<Oversight, 'close'>;
  readonly sockets: ServiceSockets;
  readonly logger: Logger;
}

/** Stops listening, ends calls, upstreams and the registry, then what they write to, then their sockets. */
export async function closeParts(parts: ClosedParts, front: ServiceFront): Promise<void> {
  const { connectors, manager, registry, endpoint, owner, oversight, sockets } = parts;
  front.page.close();
  await front.sse.close();
  endpoint.close();
  await closeInWaves(
    [
      [
        async () => await front.listener.close(CLOSE_GRACE_MS),
        async () => await connectors.stop(),
        async () => await manager.disconnect(),
        async () => await registry?.close(),
        async () => await front.auth.close(),
        async () => await endpoint.settled(),
      ],
      [async () => await owner.release(), async () => await oversight.close()],
      socketClosers(sockets),
    ],
    parts.logger,
  );
}
