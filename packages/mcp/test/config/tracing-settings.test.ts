import { expect, test } from 'vitest';
import { readTracingSettings } from '../../src/config/tracing-settings.ts';

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const at = 'http://collector:4318';

test.each([
  [{}],
  [{ [ENDPOINT]: '' }],
  [{ [ENDPOINT]: at, OTEL_SDK_DISABLED: 'true' }],
  [{ [ENDPOINT]: at, OTEL_TRACES_EXPORTER: 'none' }],
])('readTracingSettings(%j) is off without a word', (env) => {
  expect(readTracingSettings(env)).toEqual({ settings: undefined, warnings: [] });
});

test.each([
  [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /OTEL_TRACES_EXPORTER 'zipkin' is not known/],
  [{ [ENDPOINT]: 'collector:4317' }, /is no http or https URL/],
  [{ [ENDPOINT]: at, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /not sent by gRPC/],
])('readTracingSettings(%j) is off and says why', (env, why) => {
  const { settings, warnings } = readTracingSettings(env);
  expect(settings).toBeUndefined();
  expect(warnings).toEqual([expect.stringMatching(why)]);
});

test.each([
  [{ OTEL_TRACES_EXPORTER: 'otlp' }, 'http://localhost:4318/v1/traces'],
  [{ [ENDPOINT]: at }, 'http://collector:4318/v1/traces'],
  [{ [ENDPOINT]: 'https://collector/otlp/' }, 'https://collector/otlp/v1/traces'],
  [
    { [ENDPOINT]: at, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:1/spans' },
    'http://other:1/spans',
  ],
])('readTracingSettings(%j) sends to %s', (env, url) => {
  expect(readTracingSettings(env).settings).toMatchObject({
    url,
    serviceName: 'cortex-mcp',
    sampling: { parentBased: true, ratio: 1 },
  });
});

test.each([
  ['always_off', undefined, { parentBased: false, ratio: 0 }, 0],
  ['parentbased_always_off', undefined, { parentBased: true, ratio: 0 }, 0],
  ['traceidratio', '0.25', { parentBased: false, ratio: 0.25 }, 0],
  ['parentbased_traceidratio', undefined, { parentBased: true, ratio: 1 }, 0],
  ['traceidratio', '7', { parentBased: false, ratio: 1 }, 1],
  ['always_on', 'x', { parentBased: false, ratio: 1 }, 0],
  ['jaeger_remote', undefined, { parentBased: true, ratio: 1 }, 1],
])('OTEL_TRACES_SAMPLER %s with %s samples %j', (sampler, share, sampling, warned) => {
  const env = {
    [ENDPOINT]: at,
    OTEL_TRACES_SAMPLER: sampler,
    OTEL_TRACES_SAMPLER_ARG: share,
    OTEL_SERVICE_NAME: 'mine',
  };
  const { settings, warnings } = readTracingSettings(env);
  expect(settings).toMatchObject({ sampling, serviceName: 'mine' });
  expect(warnings).toHaveLength(warned);
});

test('http/protobuf is answered with JSON, and that is said', () => {
  const env = { [ENDPOINT]: at, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
  const { settings, warnings } = readTracingSettings(env);
  expect(settings).toBeDefined();
  expect(warnings).toEqual([expect.stringContaining('as JSON')]);
});
