import { packageVersion } from '../config/package-version.ts';
import { readTracingSettings } from '../config/tracing-settings.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { CliIo } from './cli-io.ts';
import { showWarnings } from './open-service.ts';
import { sayNote } from './service-note.ts';

/**
 * Records traces when the environment says where to send them; undefined when it does not. OpenTelemetry is loaded
 * only then.
 */
export async function openTracing(io: CliIo): Promise<Tracing | undefined> {
  const { settings, warnings } = readTracingSettings(io.env);
  showWarnings(io, warnings);
  if (settings === undefined) return undefined;
  const { startOtlpTracing } = await import('../observability/otlp-tracing.ts');
  return startOtlpTracing({
    ...settings,
    version: packageVersion(),
    failed: (failing) => {
      const what = failing
        ? 'traces cannot be sent and are dropped; they are tried again'
        : 'traces are sent again';
      const text = `${what}: ${new URL(settings.url).origin}`;
      const level = failing ? 'warn' : 'info';
      const event = failing ? 'traces.failing' : 'traces.recovered';
      sayNote(io, { level, event, text, plain: text });
    },
  });
}
