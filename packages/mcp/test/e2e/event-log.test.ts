import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import { startCollector } from '../observability/otlp-collector.ts';
import { startServe } from './serve-process.ts';
import { modern, startRaw, stdioHome } from './stdio-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

interface LogLine {
  readonly level: number;
  readonly time: number;
  readonly msg: string;
  readonly event?: string;
  readonly connector?: string;
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly [fact: string]: unknown;
}

/** Every line of stderr. Throws when one of them is no JSON. */
function linesOf(stderr: string): LogLine[] {
  const whole = stderr.slice(0, stderr.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as LogLine);
}

/** How often each event was told of a connector; of the service itself without a name. */
function countsOf(lines: readonly LogLine[], connector?: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { event, connector: of } of lines) {
    if (event !== undefined && of === connector) counts[event] = (counts[event] ?? 0) + 1;
  }
  return counts;
}

const missing = { command: '/no/such/server' };

test('serve in a pipe tells each change once, as JSON, with code, remedy and trace (T4)', async () => {
  await using collector = await startCollector();
  await using folder = tempFolder();
  await using web = await startUpstream({ kind: 'modern-http' });
  await using child = await startUpstream({ kind: 'legacy-stdio' });
  const servers = { web: { url: web.url }, child: child.command, missing };
  await using serve = await startServe({
    mcpServers: servers,
    folder,
    env: {
      MCP_CONNECTOR_REFRESH_INTERVAL_MS: '1000',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'always_on',
    },
  });
  const log = (): LogLine[] => linesOf(serve.stderr());
  const told = async (event: string, connector?: string): Promise<LogLine> => {
    const find = (): LogLine | undefined =>
      log().find((line) => line.event === event && line.connector === connector);
    const describe = `${event} of ${connector ?? 'the service'}`;
    await waitUntil(() => find() !== undefined, { timeoutMs: 20_000, describe });
    const found = find();
    if (found === undefined) throw new Error(describe);
    return found;
  };
  await Promise.all([told('connector.synced', 'web'), told('connector.synced', 'child')]);
  expect(await told('connector.failed', 'missing')).toMatchObject({
    level: 40,
    phase: 'spawn',
    code: 'SPAWN_FAILED',
    message: 'command /no/such/server was not found; check the path',
    remedy: expect.stringContaining('full path into command') as unknown,
    nextAttemptMs: expect.any(Number) as unknown,
    state: 'unavailable',
  });
  await told('service.ready');

  web.setFaults([{ kind: 'status', status: 503 }]);
  const failure = await told('connector.failed', 'web');
  expect(failure).toMatchObject({ level: 40, code: 'HTTP_STATUS' });
  expect(failure['remedy']).toMatch(/./);
  const asked = web.counts.requests;
  await waitUntil(() => web.counts.requests > asked + 2, {
    timeoutMs: 20_000,
    describe: 'it was asked again',
  });
  web.setFaults([]);
  expect(await told('connector.recovered', 'web')).toMatchObject({ code: 'HTTP_STATUS' });

  const [pid = 0] = child.processes();
  process.kill(pid, 'SIGKILL');
  expect(await told('process.exited', 'child')).toMatchObject({
    level: 40,
    code: 'PROCESS_EXITED',
    exitCode: null,
    signal: 'SIGKILL',
  });
  await told('process.restarted', 'child');

  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, '{');
  expect(await told('config.refused')).toMatchObject({ level: 40, code: 'CONFIG_BAD_JSON' });
  await writeFile(config, JSON.stringify({ mcpServers: { web: { url: web.url }, missing } }));
  await told('connector.removed', 'child');
  await told('config.reloaded');
  expect((await serve.stop('SIGTERM')).code).toBe(0);

  const lines = log();
  expect(countsOf(lines, 'missing')).toEqual({ 'connector.failed': 1 });
  const change = { 'connector.synced': 1, 'connector.failed': 1, 'connector.recovered': 1 };
  expect(countsOf(lines, 'web')).toMatchObject(change);
  // A refresh under way may have failed with the process.
  expect(countsOf(lines, 'child')).toMatchObject({
    'connector.synced': 1,
    'process.exited': 1,
    'process.restarted': 1,
    'connector.removed': 1,
  });
  expect(countsOf(lines)).toMatchObject({
    'service.started': 1,
    'service.ready': 1,
    'state.owned': 1,
    'config.reloaded': 1,
    'service.draining': 1,
    'state.released': 1,
    'service.stopped': 1,
  });
  expect(lines.at(-1)?.event).toBe('service.stopped');
  const start = lines.find(({ event }) => event === 'service.started');
  expect(start).toMatchObject({ connectors: 3, url: serve.url });
  // The lines of a sync belong to its span.
  const syncs = new Map(collector.named('connector sync').map((span) => [span.spanId, span]));
  const span = syncs.get(String(failure.span_id));
  expect(span?.traceId).toBe(failure.trace_id);
  expect(span?.attributes).toMatchObject({ 'cortex.connector': 'web' });
});

test('stdio tells the same on stderr, and nothing but messages on stdout', async () => {
  await using web = await startUpstream({ kind: 'modern-http' });
  await using home = await stdioHome({ web: { url: web.url }, missing });
  home.env['MCP_LOG_LEVEL'] = 'info';
  await using raw = startRaw(home);
  raw.write(modern(1, 'tools/list'));
  expect(JSON.stringify(await raw.find(1))).toContain('web__echo');
  const isTold = (): boolean =>
    countsOf(linesOf(raw.stderr()), 'missing')['connector.failed'] === 1;
  await waitUntil(isTold, { describe: 'the missing command is told' });
  expect(await raw.end()).toBe(0);
  const lines = linesOf(raw.stderr());
  expect(countsOf(lines, 'web')).toEqual({ 'connector.synced': 1 });
  expect(countsOf(lines)).toMatchObject({ 'service.started': 1, 'service.stopped': 1 });
});
