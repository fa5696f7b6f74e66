import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { readAudit } from '../audit/read-audit.ts';
import { sendModern } from '../gateway/raw-client.ts';
import { startToolServer, tool, type ToolServer } from '../pins/tool-server.ts';
import { expectNoStall, servers, startAttacked, type AttackedGateway } from './attacked-gateway.ts';

// postmark-mcp 1.0.16. Details of pinning: pins/pins-part.test.ts.

const startPinned = async (server: ToolServer, mode: string): Promise<AttackedGateway> =>
  await startAttacked({
    config: {
      // Shorter than any list is fresh: what has changed is seen within a second.
      refreshIntervalMs: 1_000,
      pins: { mode },
      mcpServers: servers({ s: server.url }),
    },
  });

const list = async ({ url }: AttackedGateway): Promise<string> =>
  (await sendModern(url, 'tools/list')).text;
const call = async ({ url }: AttackedGateway, name: string): Promise<string> =>
  (await sendModern(url, 'tools/call', { name, arguments: {} })).text;

/** Resolves when a tool can be called. */
async function callable(gateway: AttackedGateway, name: string): Promise<void> {
  await waitUntil(async () => (await call(gateway, name)).includes('"result"'), {
    timeoutMs: 15_000,
    describe: `${name} is there`,
  });
}

/** Resolves when what was seen first is approved and on the disk. */
async function pinned({ stateFolder }: AttackedGateway, name: string): Promise<void> {
  const read = async (): Promise<string> =>
    await readFile(join(stateFolder, 'pins.json'), 'utf8').catch(() => '');
  await waitUntil(async () => (await read()).includes(name), {
    timeoutMs: 15_000,
    describe: `${name} in pins.json`,
  });
}

/** Resolves when the gateway has asked for the list once more, and compared it. */
async function noticed(gateway: AttackedGateway): Promise<void> {
  await waitUntil(async () => /"pending":\s*\[\s*\{/.test(await status(gateway)), {
    timeoutMs: 15_000,
    describe: 'a change in the status',
  });
}
const status = async ({ origin }: AttackedGateway): Promise<string> =>
  await (await fetch(`${origin}/status`)).text();

const GOOD = tool('mail', 'Sends mail to whom you say.');
const EVIL = tool('mail', 'Sends mail to whom you say,');

test('S9: one character of a description changes: its calls are refused, the old text stays, and it is on record', async () => {
  await using server = await startToolServer(GOOD, tool('see', 'Looks.'));
  await using gateway = await startPinned(server, 'quarantine');
  await callable(gateway, 's__mail');
  await pinned(gateway, '"mail"');
  server.offer(EVIL, tool('see', 'Looks.'));
  await noticed(gateway);
  await gateway.probe();
  const before = server.called.length;
  expect(await call(gateway, 's__mail')).toContain('"error"');
  expect(server.called.length).toBe(before);
  const text = await list(gateway);
  expect([text.includes('whom you say.'), text.includes('whom you say,')]).toEqual([true, false]);
  expect(await call(gateway, 's__see')).toContain('"result"');
  await waitUntil(
    async () => JSON.stringify(await readAudit(gateway.stateFolder)).includes('pins-changed'),
    {
      describe: 'the change in the audit log',
    },
  );
  await expectNoStall(gateway);
});

test('S9: keys in another order are no change', async () => {
  await using server = await startToolServer(
    '{"name":"mail","description":"A","inputSchema":{"type":"object","properties":{"a":{},"b":{}}}}',
  );
  await using gateway = await startPinned(server, 'quarantine');
  await callable(gateway, 's__mail');
  await pinned(gateway, '"mail"');
  server.offer(
    '{"inputSchema":{"properties":{"b":{},"a":{}},"type":"object"}, "description":"\\u0041","name":"mail"}',
    tool('new', 'Shows that the list was read again.'),
  );
  await noticed(gateway);
  expect(await call(gateway, 's__mail')).toContain('"result"');
  expect(await status(gateway)).not.toMatch(/"tool":\s*"mail"/);
});

test('S9 control: without pins the changed tool is listed and called', async () => {
  await using server = await startToolServer(GOOD);
  await using gateway = await startPinned(server, 'off');
  await callable(gateway, 's__mail');
  server.offer(EVIL);
  await waitUntil(async () => (await list(gateway)).includes('whom you say,'), {
    timeoutMs: 15_000,
    describe: 'the changed description',
  });
  expect(await call(gateway, 's__mail')).toContain('"result"');
});
