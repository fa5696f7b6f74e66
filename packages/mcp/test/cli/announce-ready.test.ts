import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { announceReady } from '../../src/cli/announce-ready.ts';

const announce = (env: Record<string, string>): void => announceReady({ env });

test('announceReady() tells pm2 by a message and systemd by systemd-notify, with our pid', async () => {
  await using folder = tempFolder();
  const told = join(folder.path, 'told');
  const program = join(folder.path, 'systemd-notify');
  await writeFile(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" > ${told}\n`);
  await chmod(program, 0o755);
  const messages: string[] = [];
  announceReady({
    env: { NOTIFY_SOCKET: '/run/notify', PATH: folder.path, SECRET: 'x' },
    notifyParent: (message) => messages.push(message),
  });
  expect(messages).toEqual(['ready']);
  const line = `/run/notify --ready --pid=${process.pid}\n`;
  await waitUntil(async () => (await readFile(told, 'utf8').catch(() => '')) === line, {
    describe: 'systemd is told',
  });
});

test('announceReady() does nothing where nobody waits, and does not fail without systemd-notify', () => {
  expect(() => announce({})).not.toThrow();
  expect(() => announce({ NOTIFY_SOCKET: '/run/notify', PATH: '/nowhere' })).not.toThrow();
});
