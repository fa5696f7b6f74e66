import { existsSync } from 'node:fs';
import type { LoadedConfig } from '../config/config.ts';
import { packageVersion } from '../config/package-version.ts';
import type { Service } from '../service/service.ts';
import type { CliIo } from './cli-io.ts';
import { clientLines } from './client-lines.ts';
import type { FirstStartReport } from './first-start.ts';
import { connectHint, emptyHint } from './first-start-hint.ts';
import { openLiveTable } from './live-table.ts';
import { drawProgress } from './progress.ts';
import { printConnectors, writeEvent } from './serve-json.ts';
import { reportConnectors } from './serve-report.ts';
import { createPaint } from './terminal-text.ts';

/** With `firstListWaitMs` 0 no list waits, but the table still gives the first pass a moment. */
const MIN_TABLE_WAIT_MS = 1_500;
/** On a terminal one sees what is under way, so that the table can wait for the late ones. */
const LIVE_WAIT_MS = 15_000;

/** How `serve` tells what it does: for people, or one JSON object a line. */
export interface ServeOutput {
  /** What everything else writes to. */
  readonly io: CliIo;
  /** Said once it listens. */
  listening(service: Service, endpoint: string, first: FirstStartReport | undefined): void;
  /** Shows the connectors from now on. @returns what ends it. */
  follow(service: Service): () => void;
  /** Said when it begins to end. */
  stopping(): void;
}

/** Connectors that the registry gave at the start. */
function registryCount(service: Service): number {
  const registry = service.status()['registry'];
  if (typeof registry !== 'object' || registry === null || !('used' in registry)) return 0;
  return Number(registry.used);
}

function banner(
  io: CliIo,
  config: LoadedConfig,
  { endpoint, more }: { readonly endpoint: string; readonly more: number },
): string {
  const paint = createPaint(io);
  const count = config.connectors.length;
  const others = more === 0 ? '' : `, ${more} from the registry`;
  const isEmpty = count + more === 0 && config.serviceMap === undefined;
  // A registry can be all the configuration there is.
  const source = existsSync(config.configPath)
    ? `${count} ${count === 1 ? 'connector' : 'connectors'} from ${config.configPath}`
    : 'no configuration file';
  return [
    `Cortex MCP ${packageVersion()}, ${source}${others}`,
    `Endpoint: ${paint('bold', endpoint)}`,
    '',
    clientLines(endpoint, paint) + connectHint(io.cwd, config, endpoint),
    ...(isEmpty ? [emptyHint(io.cwd)] : []),
  ].join('\n');
}

function textOutput(given: CliIo, config: LoadedConfig): ServeOutput {
  const live = openLiveTable(given);
  const io = live?.io ?? given;
  const leastMs = live === undefined ? MIN_TABLE_WAIT_MS : LIVE_WAIT_MS;
  const waitMs = Math.max(leastMs, config.settings.firstListWaitMs.value);
  return {
    io,
    listening: (service, endpoint) =>
      io.stdout.write(banner(io, config, { endpoint, more: registryCount(service) })),
    follow: ({ manager }) => {
      const begin = live && (() => drawProgress(manager, live));
      return reportConnectors(manager, io, waitMs, begin);
    },
    stopping: () => undefined,
  };
}

function jsonOutput(given: CliIo, config: LoadedConfig): ServeOutput {
  // What people are told is not for a program.
  const io = { ...given, stdout: { write: () => true } };
  return {
    io,
    listening: (service, endpoint, first) =>
      writeEvent(given, {
        event: 'listening',
        version: packageVersion(),
        endpoint,
        config: config.configPath,
        connectors: config.connectors.length,
        fromRegistry: registryCount(service),
        ...(first && { found: first.found }),
      }),
    follow: ({ manager }) => printConnectors(manager, given),
    stopping: () => writeEvent(given, { event: 'stopping' }),
  };
}

export function createServeOutput(io: CliIo, config: LoadedConfig, json: boolean): ServeOutput {
  return json ? jsonOutput(io, config) : textOutput(io, config);
}
