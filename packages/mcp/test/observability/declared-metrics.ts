import { Registry } from 'prom-client';
import { createAuditMetrics } from '../../src/observability/audit-instruments.ts';
import { createAuthMetrics } from '../../src/observability/auth-instruments.ts';
import { createInstruments } from '../../src/observability/instruments.ts';
import { createPinMetrics } from '../../src/observability/pin-instruments.ts';
import { registerRegistryMetrics } from '../../src/observability/registry-instruments.ts';

/** A metric as its part of the service declares it. */
export interface DeclaredMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** What a part declares, and when it is there. */
export interface DeclaredPart {
  readonly title: string;
  readonly metrics: readonly DeclaredMetric[];
}

function declared(registry: Registry): DeclaredMetric[] {
  return registry.getMetricsAsArray().map((metric) => {
    const labels: unknown = Reflect.get(metric, 'labelNames');
    return {
      name: metric.name,
      type: String(metric.type),
      labels: Array.isArray(labels) ? labels.map(String) : [],
      help: metric.help,
    };
  });
}

function alone(declare: (registry: Registry) => unknown): DeclaredMetric[] {
  const registry = new Registry();
  declare(registry);
  return declared(registry);
}

/** Every metric there is, by the part that declares it. */
export function declaredMetrics(): readonly DeclaredPart[] {
  const { registry } = createInstruments({
    connectors: () => [],
    catalogLists: () => ({}),
    callsInFlight: () => 0,
    sessions: () => 0,
    draining: () => false,
    pools: () => [],
  });
  const pins = { changes: () => [], pending: () => [], oddTexts: () => [] };
  return [
    { title: 'Always', metrics: declared(registry) },
    {
      title: 'With a registry',
      metrics: alone((own) => registerRegistryMetrics(own, () => undefined)),
    },
    { title: 'With authentication', metrics: alone((own) => createAuthMetrics(own, () => 0)) },
    { title: 'With pins', metrics: alone((own) => createPinMetrics(own, pins)) },
    {
      title: 'With an audit log',
      metrics: alone((own) => createAuditMetrics(own, { taken: 0, lost: 0 })),
    },
  ];
}

/** The names of series: those of a histogram have endings. */
export function seriesNames(): ReadonlySet<string> {
  const names = declaredMetrics().flatMap(({ metrics }) =>
    metrics.flatMap(({ name, type }) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    ),
  );
  return new Set(names);
}
