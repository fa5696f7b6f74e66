import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCHEDULER = new URL('../../src/connectors/refresh/refresh-scheduler.ts', import.meta.url);

test('defect 8: an armed scheduler keeps no process alive', async () => {
  const program = `
    import { RefreshScheduler } from ${JSON.stringify(SCHEDULER.href)};
    const onRefresh = async () => ({ kind: 'ok', ttlMs: undefined });
    const scheduler = new RefreshScheduler({ random: () => 0, onRefresh });
    scheduler.add('a', { ttlMs: undefined });
    scheduler.start();
    console.log(scheduler.dueInMs('a') > 200_000);
  `;
  // Without \`unref\` the child would wait five minutes and be killed here.
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 20_000,
  });
  expect((await run).stdout.trim()).toBe('true');
}, 30_000);
