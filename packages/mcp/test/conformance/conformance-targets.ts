import { startConformanceServer, type ConformanceServer } from '@cortex-os/testkit';
import { awaitCatalog } from './await-catalog.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import type { Era } from '../../src/protocol/revision.ts';
import { SUITES, type SuiteName } from './suites.ts';

/**
 * The fixture, which speaks both eras at one address, and a gateway that knows it twice: by the revision of one era
 * and by that of the other.
 */
export interface ConformanceTargets extends AsyncDisposable {
  readonly fixture: ConformanceServer;
  readonly gateway: TestGateway;
  readonly direct: string;
  /** Through the gateway, which speaks to the server the revision that the suite speaks to it. */
  same(suite: SuiteName): string;
  /** Through the gateway, which speaks a revision of the other era to the server. */
  across(suite: SuiteName): string;
}

export async function startConformanceTargets(): Promise<ConformanceTargets> {
  const fixture = await startConformanceServer();
  // Another instance, so that what one column changes is not seen in the other.
  const older = await startConformanceServer();
  const gateway = await startGateway([
    connector('modern', { kind: 'http', url: fixture.url, headers: {} }, { era: 'modern' }),
    connector('legacy', { kind: 'http', url: older.url, headers: {} }, { era: 'legacy' }),
  ]);
  await awaitCatalog(gateway);
  const through = (era: Era): string => gateway.url(era);
  return {
    fixture,
    gateway,
    direct: fixture.url,
    same: (suite) => through(SUITES[suite].era),
    across: (suite) => through(SUITES[suite].era === 'modern' ? 'legacy' : 'modern'),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await Promise.all([fixture.close(), older.close()]);
    },
  };
}
