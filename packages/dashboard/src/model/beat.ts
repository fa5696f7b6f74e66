import { asNumber, asObject, isObject, type JsonObject } from './json.ts';
import {
  readProcess,
  type ConnectorFacts,
  type ConnectorPulse,
  type Latency,
  type Overview,
  type Series,
} from './overview.ts';

/** Puts a slice's value at the end of a row when the row is older than a slice; else the row is as new as can be. */
function moved(series: Series, value: number | undefined, slices: number): Series {
  if (series.length === 0) return series;
  if (slices <= 0) return series;
  const gap = Array.from({ length: Math.min(slices, series.length) - 1 }, () => undefined);
  return [...series.slice(gap.length + 1), ...gap, value];
}

const SLICES = 60;
const NOTHING: Series = Array.from({ length: SLICES }, () => undefined);

/** The history of a connector; one that is called for the first time gets one here, as the gateway gave it none. */
function historyOf({ latency }: ConnectorFacts, callsPerSecond: number): Latency {
  if (latency.calls.length > 0 || callsPerSecond === 0) return latency;
  const { bucketMs } = latency;
  return { p50Ms: NOTHING, p95Ms: NOTHING, calls: NOTHING, errors: NOTHING, bucketMs };
}

function beaten(connector: ConnectorFacts, beat: JsonObject, at: number): ConnectorFacts {
  const callsPerSecond = asNumber(beat['callsPerSecond']) ?? 0;
  const errorsPerSecond = asNumber(beat['errorsPerSecond']) ?? 0;
  const p50Ms = asNumber(beat['p50Ms']);
  const p95Ms = asNumber(beat['p95Ms']);
  const nextRefreshInMs = asNumber(beat['nextRefreshInMs']);
  const { measuredAt } = connector;
  const latency = historyOf(connector, callsPerSecond);
  const isNew = latency !== connector.latency;
  const slice = (time: number): number => Math.floor(time / latency.bucketMs);
  const slices = isNew ? 1 : slice(at) - slice(measuredAt);
  const perSlice = latency.bucketMs / 1000;
  return {
    ...connector,
    ageMs: asNumber(beat['ageMs']),
    inFlight: asNumber(beat['inFlight']) ?? 0,
    nextRefreshAt: nextRefreshInMs === undefined ? undefined : at + nextRefreshInMs,
    pulse: { callsPerSecond, errorsPerSecond, p50Ms, p95Ms },
    latency: {
      ...latency,
      p50Ms: moved(latency.p50Ms, p50Ms, slices),
      p95Ms: moved(latency.p95Ms, p95Ms, slices),
      calls: moved(latency.calls, callsPerSecond * perSlice, slices),
      errors: moved(latency.errors, errorsPerSecond * perSlice, slices),
    },
    measuredAt: at,
  };
}

const AT_REST: ConnectorPulse = {
  callsPerSecond: 0,
  errorsPerSecond: 0,
  p50Ms: undefined,
  p95Ms: undefined,
};

/** A connector that a beat does not name is called no more: its history goes on without calls. */
function rested(connector: ConnectorFacts, at: number): ConnectorFacts {
  const { latency, measuredAt, ageMs, pulse } = connector;
  if (latency.calls.length === 0) return connector;
  const slices = Math.floor(at / latency.bucketMs) - Math.floor(measuredAt / latency.bucketMs);
  const isMoving = pulse.callsPerSecond > 0 || pulse.p50Ms !== undefined;
  if (slices <= 0 && !isMoving) return connector;
  return {
    ...connector,
    ageMs: ageMs === undefined ? undefined : ageMs + (at - measuredAt),
    pulse: AT_REST,
    latency: {
      ...latency,
      p50Ms: moved(latency.p50Ms, undefined, slices),
      p95Ms: moved(latency.p95Ms, undefined, slices),
      calls: moved(latency.calls, 0, slices),
      errors: moved(latency.errors, 0, slices),
    },
    measuredAt: at,
  };
}

/** The overview with the moving numbers of a beat in it; connectors that are not called stay the same objects. */
export function withBeat(overview: Overview, value: unknown): Overview {
  if (!isObject(value)) return overview;
  const at = asNumber(value['at']);
  if (at === undefined) return overview;
  const beats = asObject(value['connectors']);
  return {
    ...overview,
    service: {
      ...overview.service,
      uptimeMs: Math.max(overview.service.uptimeMs, at - overview.service.startedAt),
    },
    process: isObject(value['process']) ? readProcess(value['process']) : overview.process,
    connectors: overview.connectors.map((one) => {
      const beat = beats[one.id];
      return isObject(beat) ? beaten(one, beat, at) : rested(one, at);
    }),
  };
}
