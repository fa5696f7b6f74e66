import type { BaselineMetric, BaselineRecord } from '../../src/proof/baseline-record.ts';
import { parseExposition } from '../../src/proof/exposition.ts';
import type { ServiceReading } from '../../src/proof/service-reading.ts';

type Metrics = Readonly<
  Record<string, Omit<BaselineMetric, 'unit'> & { unit?: BaselineMetric['unit'] }>
>;

/** A record with these figures and nothing else. */
export function record(metrics: Metrics, more: Partial<BaselineRecord> = {}): BaselineRecord {
  return {
    format: 1,
    label: 'test',
    takenAt: '2026-11-21T10:00:00.000Z',
    seconds: 60,
    scrapes: 13,
    restarted: false,
    service: { version: '1.0.0', node: 'v26.0.0', pid: 4, startedAt: '2026-11-21T09:00:00.000Z' },
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([name, metric]) => [name, { unit: 'ms', ...metric }]),
    ),
    budget: [],
    settings: {},
    host: { thp: 'always [madvise] never' },
    ...more,
  };
}

/** A reading whose scrape is these lines. */
export function reading(
  lines: readonly string[],
  more: Partial<Omit<ServiceReading, 'metrics' | 'setting'>> & {
    readonly settings?: Readonly<Record<string, unknown>>;
  } = {},
): ServiceReading {
  const { settings = {}, ...rest } = more;
  const atMs = rest.atMs ?? 0;
  return {
    version: '1.0.0',
    pid: 4,
    node: 'v26.0.0',
    startedAt: '2026-11-21T09:00:00.000Z',
    endpoint: undefined,
    connectors: [],
    ...rest,
    atMs,
    setting: (name) => settings[name],
    metrics: parseExposition(lines.join('\n'), atMs),
  };
}

/** Lines of a histogram whose buckets are cumulative. */
export function histogramLines(
  name: string,
  labels: string,
  buckets: Readonly<Record<string, number>>,
  sum: number,
): readonly string[] {
  const count = Math.max(...Object.values(buckets));
  return [
    ...Object.entries(buckets).map(
      ([le, value]) => `${name}_bucket{${labels},le="${le}"} ${value}`,
    ),
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ];
}
