import type { ConnectorFrame, MonitorFrame, ServiceFrame } from '../proof/monitor-frame.ts';
import { type Cell, type Colour, type Paint, safeText, table } from './terminal-text.ts';

const MIB = 1_048_576;
const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  fresh: 'green',
  stale: 'yellow',
  unavailable: 'red',
  disabled: 'dim',
};
/** S1-B2. */
const MUCH_PRESSURE = 5;

function rate(perSecond: number): string {
  if (perSecond === 0) return '0';
  return perSecond < 10 ? perSecond.toFixed(2) : perSecond.toFixed(0);
}

function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? '-' : (bytes / MIB).toFixed(0);
}

const HEADINGS = [
  'CONNECTOR',
  'STATE',
  'CALLS/S',
  'ERR/S',
  'P50',
  'P95',
  'P99 MS',
  'IN FLIGHT',
  'RESTARTS',
  'RSS',
  'PSS MIB',
  'BREAKER',
];

function right(text: string, colour?: Colour): Cell {
  return { text, colour, align: 'right' };
}

function row(one: ConnectorFrame): readonly Cell[] {
  const waiting = one.queued > 0 ? `${one.inFlight}+${one.queued}` : String(one.inFlight);
  const isShut = one.breaker !== undefined && one.breaker !== 'closed';
  return [
    { text: safeText(one.id) },
    { text: one.state, colour: STATE_COLOURS[one.state] },
    right(rate(one.callsPerSecond)),
    right(rate(one.errorsPerSecond), one.errorsPerSecond > 0 ? 'red' : undefined),
    right(milliseconds(one.p50Ms)),
    right(milliseconds(one.p95Ms)),
    right(milliseconds(one.p99Ms)),
    right(waiting),
    right(String(one.restarts), one.restarts > 0 ? 'yellow' : undefined),
    right(mebibytes(one.rssBytes)),
    right(mebibytes(one.pssBytes)),
    { text: isShut ? (one.breaker ?? '') : '', colour: 'red' },
  ];
}

function serviceText(service: ServiceFrame): string {
  return [
    `${rate(service.callsPerSecond)} calls/s`,
    `${rate(service.errorsPerSecond)} errors/s`,
    `p50 ${milliseconds(service.p50Ms)} p95 ${milliseconds(service.p95Ms)} p99 ${milliseconds(service.p99Ms)} ms`,
    `in flight ${service.inFlight ?? 0}`,
    `sessions ${service.sessions ?? 0}`,
    `cpu ${service.cpuPercent.toFixed(0)} %`,
    `rss ${mebibytes(service.rssBytes)} pss ${mebibytes(service.pssBytes)} heap ${mebibytes(service.heapUsedBytes)} MiB`,
    `loop p99 ${milliseconds(service.eventLoopP99Ms)} ms stalled ${service.stalledPercent.toFixed(1)} %`,
    `gc ${service.gcPercent.toFixed(1)} %`,
  ].join('  ');
}

function pressureText({ pressure }: MonitorFrame, paint: Paint): string {
  if (pressure === undefined) return 'memory pressure unknown';
  const text = `memory pressure (${pressure.where}) some ${pressure.some} % full ${pressure.full} %`;
  return pressure.some > MUCH_PRESSURE || pressure.full > 0 ? paint('red', text) : text;
}

/** The busiest first. */
function ordered(connectors: readonly ConnectorFrame[]): readonly ConnectorFrame[] {
  return connectors.toSorted(
    (a, b) => b.callsPerSecond - a.callsPerSecond || (a.id < b.id ? -1 : 1),
  );
}

/** A frame for a terminal: lines about the service, and a table. */
export function monitorScreen(
  frame: MonitorFrame,
  style: { readonly paint: Paint; readonly columns: number | undefined },
): readonly string[] {
  const { service } = frame;
  const head = `cortex-mcp ${service.version} pid ${service.pid} since ${service.startedAt}`;
  const rows = ordered(frame.connectors).map(row);
  return [
    `${style.paint('bold', head)}${service.restarted ? style.paint('yellow', '  restarted') : ''}`,
    serviceText(service),
    pressureText(frame, style.paint),
    ...table(HEADINGS, rows, style).trimEnd().split('\n'),
  ];
}

const PLAIN: Paint = (_colour, text) => text;

/** The same as plain lines, each of which begins with the time and says whose it is. */
export function monitorLines(frame: MonitorFrame): readonly string[] {
  const { at, service } = frame;
  const restarted = service.restarted ? '  restarted' : '';
  return [
    `${at} service  ${serviceText(service)}  ${pressureText(frame, PLAIN)}${restarted}`,
    ...ordered(frame.connectors).map((one) =>
      [
        `${at} ${safeText(one.id)}  ${one.state}`,
        `${rate(one.callsPerSecond)} calls/s`,
        `${rate(one.errorsPerSecond)} errors/s`,
        `p50 ${milliseconds(one.p50Ms)} p95 ${milliseconds(one.p95Ms)} p99 ${milliseconds(one.p99Ms)} ms`,
        `in flight ${one.inFlight} queued ${one.queued}`,
        `failed syncs ${one.syncFailures}`,
        `restarts ${one.restarts}`,
        `rss ${mebibytes(one.rssBytes)} pss ${mebibytes(one.pssBytes)} MiB`,
        `breaker ${one.breaker ?? '-'}`,
      ].join('  '),
    ),
  ];
}
