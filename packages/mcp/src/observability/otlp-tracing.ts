import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import { createOtelTracing } from './otel-tracing.ts';
import type { Tracing } from './tracing.ts';

export interface OtlpTracingOptions {
  /** Of the collector; takes OTLP over HTTP as JSON. */
  readonly url: string;
  readonly serviceName: string;
  readonly version: string;
  readonly sampling: { readonly parentBased: boolean; readonly ratio: number };
  /** Told when spans begin to get lost, and when they no longer do. */
  readonly failed: (failing: boolean) => void;
}

/** Spans that wait to be sent; more are dropped. */
const MAX_QUEUED = 2_048;
const MAX_BATCH = 512;
const BATCH_DELAY_MS = 1_000;
/** Of one attempt to send, retries included, and of the last one at the end. */
const EXPORT_TIMEOUT_MS = 5_000;

function samplerOf({ parentBased, ratio }: OtlpTracingOptions['sampling']): Sampler {
  const root = new TraceIdRatioBasedSampler(ratio);
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

/** Says once that the exporter fails, and once that it works again. */
function watched(exporter: SpanExporter, failed: (failing: boolean) => void): SpanExporter {
  let failing = false;
  const note = (now: boolean): void => {
    if (now !== failing) failed(now);
    failing = now;
  };
  return {
    export: (spans, done) => {
      exporter.export(spans, (result) => {
        const code: number = result.code;
        note(code !== 0);
        done(result);
      });
    },
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: async () => await exporter.shutdown(),
  };
}

async function atMost(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Records spans and sends them to a collector in batches. Headers, certificates, compression and the attributes of the
 * resource come from the standard variables of OpenTelemetry, which its own packages read.
 */
export function startOtlpTracing(options: OtlpTracingOptions): Tracing {
  const { url, serviceName, version, sampling, failed } = options;
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new TracerProvider({
    resource: detectResources({ detectors: [envDetector] }).merge(
      resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    ),
    sampler: samplerOf(sampling),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: watched(exporter, failed),
        maxQueueSize: MAX_QUEUED,
        maxExportBatchSize: MAX_BATCH,
        scheduledDelayMillis: BATCH_DELAY_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  return createOtelTracing(
    provider.getTracer('@cortex-os/mcp', version),
    async () => await atMost(provider.shutdown(), EXPORT_TIMEOUT_MS),
  );
}
