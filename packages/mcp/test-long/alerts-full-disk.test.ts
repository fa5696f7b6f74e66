import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { startUpstream, tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { startServe } from '../test/e2e/serve-process.ts';
import { send, sendModern } from '../test/gateway/raw-client.ts';
import { NO_PROMTOOL } from '../test/observability/promtool.ts';
import { startPrometheus } from './prometheus.ts';

const KEY = 'alerts-registry-key-0123456789';
/** What waits for the disk, 4 MiB of records, is full after about 14,000. */
const CALLS_AT_A_TIME = 40;

/** A disk of 32 MiB, enough for what has waited; undefined where this machine does not let us mount. */
function smallDisk(): TempFolder | undefined {
  const folder = tempFolder();
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', folder.path]);
  const remove = async (): Promise<void> => {
    spawnSync('umount', ['-l', folder.path]);
    await folder.remove();
  };
  if (mount.status === 0) return { path: folder.path, remove, [Symbol.asyncDispose]: remove };
  rmSync(folder.path, { recursive: true });
  return undefined;
}

/** Leaves no room, until it is stopped. */
function fill(folder: string): { stop(): void } {
  const path = join(folder, 'filler');
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(file);
  }
  return { stop: () => rmSync(path) };
}

test('CortexMcpRecordsLost and CortexMcpNotFlushed fire while the disk is full, and clear when it has room (R11)', async ({
  skip,
}) => {
  await using disk = smallDisk();
  if (disk === undefined) {
    skip('a small disk cannot be mounted here (needs root)');
    return;
  }
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 3_600_000 });
  await using gateway = await startServe({
    mcpServers: { up: { url: upstream.url } },
    folder: disk,
    env: { MCP_REGISTRY_API_KEY: '${ALERTS_KEY}', ALERTS_KEY: KEY },
  });
  const { origin, port } = new URL(gateway.url);
  await using prometheus = await startPrometheus(Number(port));
  if (prometheus === undefined) {
    skip(NO_PROMTOOL);
    return;
  }
  const publish = async (name: string): Promise<number> => {
    const answer = await send(`${origin}/v0.1/publish`, {
      headers: { authorization: `Bearer ${KEY}` },
      body: JSON.stringify({
        $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
        name: `test.alerts/${name}`,
        description: 'written while the disk is full',
        version: '1.0.0',
      }),
    });
    return answer.status;
  };
  const statuses = new Set<number>();
  const done = new AbortController();
  const call = async (): Promise<void> => {
    while (!done.signal.aborted) {
      const echo = { name: 'up__echo', arguments: { message: 'x' } };
      statuses.add((await sendModern(gateway.url, 'tools/call', echo)).status);
    }
  };
  expect(await publish('before')).toBeLessThan(300);
  await prometheus.untilQuiet('the start');

  const full = fill(disk.path);
  let kept = '';
  const calling = Array.from({ length: CALLS_AT_A_TIME }, call);
  try {
    // The last page of the journal has room for some.
    const answers: number[] = [];
    while (answers.at(-1) !== 507 && answers.length < 40) {
      answers.push(await publish(`meanwhile-${answers.length + 1}`));
    }
    expect(answers.at(-1)).toBe(507);
    kept = `test.alerts/meanwhile-${answers.length}`;
    await prometheus.untilFired(['CortexMcpRecordsLost', 'CortexMcpNotFlushed'], 180_000);
  } finally {
    full.stop();
    done.abort();
    await Promise.all(calling);
  }
  await prometheus.untilQuiet('the disk has room again');

  // The calls did not notice, and what memory could hold is there.
  expect([...statuses]).toEqual([200]);
  const read = (name: string): string => readFileSync(join(disk.path, 'mcp', name), 'utf8');
  await waitUntil(() => read('audit.jsonl').includes('"event":"records-lost"'), {
    timeoutMs: 45_000,
    describe: 'the audit log says what it lost',
  });
  expect((await gateway.stop('SIGTERM')).code).toBe(0);
  expect(read('servers.json')).toContain(kept);
}, 600_000);
