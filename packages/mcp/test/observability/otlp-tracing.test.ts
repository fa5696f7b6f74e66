import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { startServe } from '../e2e/serve-process.ts';
import { cliBench } from '../cli/fake-io.ts';
import { openTracing } from '../../src/cli/open-tracing.ts';
import { startOtlpTracing } from '../../src/observability/otlp-tracing.ts';
import { startRegistryGateway } from '../registry-fixture.ts';
import { startCollector } from './otlp-collector.ts';

function startTracing(url: string, failed: (failing: boolean) => void = () => undefined) {
  const sampling = { parentBased: false, ratio: 1 };
  return startOtlpTracing({
    url: `${url}/v1/traces`,
    serviceName: 's',
    version: '1',
    sampling,
    failed,
  });
}

test('a flush of the registry is a span (R13)', async () => {
  await using collector = await startCollector();
  await using folder = tempFolder();
  const tracing = startTracing(collector.url);
  {
    await using gateway = await startRegistryGateway(folder.path, {}, { tracing });
    const tool = 'registry__register';
    const server = { name: 'io.test/one', description: 'One.', version: '1.0.0' };
    const url = 'https://one.test/mcp';
    const remotes = [{ type: 'streamable-http', url }];
    const result = await gateway.service.call(
      tool,
      JSON.stringify({ server: { ...server, remotes } }),
    );
    expect(result).not.toContain('"isError":true');
  }
  await tracing.close();
  expect(collector.named('registry flush').length).toBeGreaterThan(0);
  expect(collector.named(`tools/call register`).length).toBeGreaterThan(0);
});

test('a collector that fails is reported once, and once when it is back; nothing else is disturbed', async () => {
  await using collector = await startCollector();
  const reports: boolean[] = [];
  const tracing = startTracing(collector.url, (failing) => reports.push(failing));
  collector.answerWith(400);
  tracing.start('one').end();
  await waitUntil(() => reports.length === 1, { describe: 'the failure is reported' });
  tracing.start('two').end();
  collector.answerWith(200);
  tracing.start('three').end();
  await waitUntil(() => reports.length === 2, { describe: 'it is well again' });
  expect(reports).toEqual([true, false]);
  collector.answerWith(400);
  tracing.start('four').end();
  // Does not reject.
  await tracing.close();
});

test('a span counts its first end only, and what has ended is under way no more', async () => {
  await using collector = await startCollector();
  const tracing = startTracing(collector.url);
  const span = tracing.start('outer', { attributes: { a: 1 } });
  await tracing.within(span, async () => {
    const ids = tracing.ids();
    expect(span.context.traceparent).toContain(`${ids?.trace_id}-${ids?.span_id}`);
    tracing.start('inner').end('E_INNER', { b: 2 });
    span.end();
    span.end('too late');
    expect(tracing.ids()).toBeUndefined();
    tracing.start('after').end();
  });
  await tracing.close();
  const [outer] = collector.named('outer');
  expect(outer).toMatchObject({ status: 0, attributes: { a: 1 } });
  expect(collector.named('inner')[0]).toMatchObject({
    parentSpanId: outer?.spanId,
    status: 2,
    attributes: { 'error.type': 'E_INNER', b: 2 },
  });
  expect(collector.named('after')[0]?.parentSpanId).toBeUndefined();
});

test('openTracing() is nothing without the variables, and warns of those it cannot follow', async () => {
  await using bench = await cliBench();
  expect(await openTracing(bench.io)).toBeUndefined();
  const env = { OTEL_TRACES_EXPORTER: 'zipkin' };
  expect(await openTracing({ ...bench.io, env })).toBeUndefined();
  expect(bench.stderr.text).toMatch(/warning: OTEL_TRACES_EXPORTER 'zipkin' is not known/);
});

test('openTracing() says when a collector does not answer', async () => {
  await using bench = await cliBench();
  await using collector = await startCollector();
  collector.answerWith(404);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const tracing = await openTracing({ ...bench.io, env });
  tracing?.start('one').end();
  await bench.stderr.until(/traces cannot be sent and are dropped/);
  collector.answerWith(200);
  tracing?.start('two').end();
  await bench.stderr.until(/traces are sent again/);
  expect(bench.stderr.text).toContain(collector.url);
  await tracing?.close();
});

test('cortex-mcp serve sends traces when OTEL_EXPORTER_OTLP_ENDPOINT is set', async () => {
  await using collector = await startCollector();
  await using serve = await startServe({
    mcpServers: { broken: { command: join('/', 'no', 'such', 'program') } },
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    },
  });
  await waitUntil(() => collector.named('connector sync').length > 0, {
    describe: 'the first sync was recorded',
  });
  expect(collector.named('connector sync')[0]).toMatchObject({
    status: 2,
    attributes: { 'cortex.connector': 'broken', 'error.type': 'SPAWN_FAILED' },
  });
  expect(collector.resources[0]).toMatchObject({
    'service.name': 'cortex-mcp',
    'deployment.environment.name': 'test',
  });
  expect((await serve.stop('SIGTERM')).code).toBe(0);
}, 30_000);
