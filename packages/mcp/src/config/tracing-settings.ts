import { readVariable, type Environment } from './environment.ts';

/** Which of the traces that begin here are recorded; those of others are when their part of it is. */
export interface TraceSampling {
  /** False: what others decided about their traces does not count. */
  readonly parentBased: boolean;
  /** In [0, 1]. */
  readonly ratio: number;
}

/** Where spans are sent, as the standard variables of OpenTelemetry say. */
export interface TracingSettings {
  /** Takes OTLP over HTTP as JSON; the whole address. */
  readonly url: string;
  readonly serviceName: string;
  readonly sampling: TraceSampling;
}

export interface TracingChoice {
  /** Undefined: nothing is recorded. */
  readonly settings: TracingSettings | undefined;
  /** What was said and cannot be done, in one line each. */
  readonly warnings: readonly string[];
}

const EXPORTER = 'OTEL_TRACES_EXPORTER';
const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const TRACES_ENDPOINT = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const DEFAULT_ENDPOINT = 'http://localhost:4318';
const SAMPLERS = /^(parentbased_)?(always_on|always_off|traceidratio)$/;

/** The address of the collector; undefined for one that is none. */
function collectorUrl(env: Environment): string | undefined {
  const exact = readVariable(env, TRACES_ENDPOINT);
  const base = readVariable(env, ENDPOINT) ?? DEFAULT_ENDPOINT;
  const url = URL.parse(exact ?? `${base.replace(/\/$/, '')}/v1/traces`);
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href : undefined;
}

function samplingOf(env: Environment): { sampling: TraceSampling; warnings: readonly string[] } {
  const named = readVariable(env, 'OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  const [, parent, kind] = SAMPLERS.exec(named) ?? [];
  if (kind === undefined) {
    const known = 'always_on, always_off or traceidratio, with or without parentbased_';
    return {
      sampling: { parentBased: true, ratio: 1 },
      warnings: [`OTEL_TRACES_SAMPLER '${named}' is not known; everything is recorded (${known})`],
    };
  }
  const given = Number(readVariable(env, 'OTEL_TRACES_SAMPLER_ARG') ?? 1);
  const usable = given >= 0 && given <= 1;
  const share = usable ? given : 1;
  const ratio = { always_on: 1, always_off: 0, traceidratio: share }[kind] ?? 1;
  return {
    sampling: { parentBased: parent !== undefined, ratio },
    warnings:
      usable || kind !== 'traceidratio'
        ? []
        : ['OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1; everything is recorded'],
  };
}

/** Whether traces are asked for at all. */
function isWanted(env: Environment): boolean {
  if (readVariable(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return false;
  const exporter = readVariable(env, EXPORTER)?.toLowerCase();
  if (exporter !== undefined) return exporter !== 'none';
  return [ENDPOINT, TRACES_ENDPOINT].some((name) => readVariable(env, name) !== undefined);
}

/** Why what is asked for cannot be done; undefined when it can. */
function obstacle(env: Environment, protocol: string | undefined): string | undefined {
  const exporter = readVariable(env, EXPORTER)?.toLowerCase() ?? 'otlp';
  if (exporter !== 'otlp') return `${EXPORTER} '${exporter}' is not known: otlp or none; no traces`;
  if (protocol !== 'grpc') return undefined;
  const instead = 'http/json and the address of its HTTP receiver (port 4318)';
  return `traces are not sent by gRPC: give the collector as ${instead}; no traces`;
}

/**
 * Reads `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER` and what belongs to them (OpenTelemetry, environment
 * variable specification). Nothing is recorded unless one of these two, or the endpoint of traces, is set.
 */
export function readTracingSettings(env: Environment): TracingChoice {
  if (!isWanted(env)) return { settings: undefined, warnings: [] };
  const protocol =
    readVariable(env, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ??
    readVariable(env, 'OTEL_EXPORTER_OTLP_PROTOCOL');
  const why = obstacle(env, protocol);
  if (why !== undefined) return { settings: undefined, warnings: [why] };
  const url = collectorUrl(env);
  if (url === undefined) {
    return { settings: undefined, warnings: [`${ENDPOINT} is no http or https URL; no traces`] };
  }
  const { sampling, warnings } = samplingOf(env);
  const asJson = 'traces are sent as JSON, which OTLP receivers over HTTP take as well';
  return {
    settings: {
      url,
      serviceName: readVariable(env, 'OTEL_SERVICE_NAME') ?? 'cortex-mcp',
      sampling,
    },
    warnings: protocol === 'http/protobuf' ? [asJson, ...warnings] : warnings,
  };
}
