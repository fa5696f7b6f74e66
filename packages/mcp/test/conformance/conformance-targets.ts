import { startConformanceServer, type ConformanceServer } from '@cortex-os/testkit';
import { awaitCatalog } from './await-catalog.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';

/** The fixture, and a gateway in front of it that knows it as a server of both eras and as one of the older era only. */
export interface ConformanceTargets extends AsyncDisposable {
  readonly fixture: ConformanceServer;
  readonly gateway: TestGateway;
  readonly direct: string;
  /** Through the gateway, which speaks revision 2026-07-28 to the server. */
  readonly through: string;
  /** Through the gateway, which speaks an older revision to the server. */
  readonly throughLegacy: string;
}

export async function startConformanceTargets(): Promise<ConformanceTargets> {
  const fixture = await startConformanceServer();
  const older = await startConformanceServer({ eras: 'legacy' });
  const gateway = await startGateway([
    connector('fixture', { kind: 'http', url: fixture.url, headers: {} }),
    connector('older', { kind: 'http', url: older.url, headers: {} }),
  ]);
  await awaitCatalog(gateway);
  return {
    fixture,
    gateway,
    direct: fixture.url,
    through: gateway.url('fixture'),
    throughLegacy: gateway.url('older'),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await Promise.all([fixture.close(), older.close()]);
    },
  };
}
