import type { JSX } from 'preact';
import { formatDuration, formatMs } from '../model/format.ts';
import type { ConnectorFacts } from '../model/overview.ts';
import { sparkline } from '../model/sparkline.ts';

interface LatencyLineProps {
  readonly connector: ConnectorFacts;
  readonly width: number;
  readonly height: number;
}

/** The latencies of the last minutes as two lines, and slices with failed calls as marks below. */
export function LatencyLine({ connector, width, height }: LatencyLineProps): JSX.Element {
  const { latency, pulse } = connector;
  const span = formatDuration(latency.calls.length * latency.bucketMs);
  const drawn = sparkline(latency, { width, height });
  if (drawn.p50 === '' && drawn.p95 === '') {
    return <span class="muted spark-none">no calls</span>;
  }
  const failed = drawn.errors.length === 0 ? '' : `, ${drawn.errors.length} slices with errors`;
  return (
    <svg
      class="spark"
      role="img"
      aria-label={
        `Latency over ${span}: p50 ${formatMs(pulse.p50Ms)} ms, p95 ${formatMs(pulse.p95Ms)} ms, ` +
        `at most ${formatMs(drawn.topMs)} ms${failed}`
      }
      viewBox={`-1 -1 ${width + 2} ${height + 4}`}
      width={width}
      height={height + 4}
    >
      <path class="spark-base" d={`M0 ${height}H${width}`} />
      <path class="spark-p95" d={drawn.p95} />
      <path class="spark-p50" d={drawn.p50} />
      {drawn.errors.map((x) => (
        <path class="spark-error" key={x} d={`M${x} ${height - 2}v4`} />
      ))}
    </svg>
  );
}
