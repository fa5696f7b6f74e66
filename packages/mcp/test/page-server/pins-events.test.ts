import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { approve } from '../../src/pins/pin-book.ts';
import { PinStore } from '../../src/pins/pin-store.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { sendModern } from '../gateway/raw-client.ts';
import { startToolServer, tool, type ToolServer } from '../pins/tool-server.ts';
import { openEvents, rows, type SeenOverview } from './page-gateway.ts';

async function start(server: ToolServer, { path: stateFolder }: TempFolder): Promise<TestGateway> {
  const gateway = await startGateway(
    [connector('s', { kind: 'http', url: server.url, headers: {} })],
    {},
    { pins: { stateFolder, mode: 'quarantine', firstUse: 'require', oddText: 'flag' } },
  );
  await gateway.service.manager.sync();
  await gateway.service.settled();
  return gateway;
}

const digest = (seen: SeenOverview): unknown => rows(seen)['s']?.['listsDigest'];
const list = async (gateway: TestGateway): Promise<string> =>
  (await sendModern(gateway.url(), 'tools/list')).text;

test('an approval of pins is told to an open page as other lists, when they are listed (S9)', async () => {
  await using folder = tempFolder();
  await using server = await startToolServer(tool('pay', 'Pays.'));
  await using gateway = await start(server, folder);
  const page = await openEvents(gateway.origin);
  const before = (await page.next('overview')).data as SeenOverview;
  expect(digest(before)).toEqual(expect.any(String));
  expect(await list(gateway)).not.toContain('Pays.');

  // As `cortex-mcp pins approve` does beside a running service.
  const path = join(folder.path, 'pins.json');
  await waitUntil(async () => (await readFile(path, 'utf8').catch(() => '')).includes('Pays.'), {
    describe: 'what was seen in pins.json',
  });
  const store = new PinStore(path);
  await store.change((book) => approve(book, 's', undefined, 'now').length > 0);

  await page.next('overview', (seen: SeenOverview) => digest(seen) !== digest(before));
  expect(await list(gateway)).toContain('Pays.');
  page.close();
});
