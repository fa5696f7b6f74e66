import {
  callTemplate,
  payloadJson,
  requestTemplate,
  toolNameFor,
  type PayloadShape,
  type WireEra,
} from './message-bytes.ts';
import type { LoadPlace } from './raw-load-protocol.ts';

/** Eras of the client and of the server, or what the server is reached by. */
export type CallPath =
  | 'modern→modern'
  | 'legacy→legacy'
  | 'legacy→legacy, events'
  | 'legacy→modern'
  | 'modern→legacy'
  | 'modern→stdio'
  | 'legacy→stdio';

/** One load: who speaks to whom, how much is sent and answered, how much at a time. */
export interface CallRow {
  readonly path: CallPath;
  readonly result: { readonly bytes: number; readonly shape: PayloadShape };
  readonly args: { readonly bytes: number; readonly shape: PayloadShape };
  readonly inFlight: number;
  /** Measured for ours and what it is held against alone, in few rounds: it fills the matrix of sizes and concurrency. */
  readonly brief?: boolean;
}

const KB = 1_024;
export const SIZES = [
  ['0.5 KB', 512],
  ['10 KB', 10 * KB],
  ['100 KB', 100 * KB],
  ['1 MB', 1_024 * KB],
] as const;

const SMALL_RESULT = { bytes: 512, shape: 'string' } as const;
const SMALL_ARGS = { bytes: 200, shape: 'string' } as const;

function sizeName(bytes: number): string {
  return SIZES.find(([, size]) => size === bytes)?.[0] ?? `${bytes} B`;
}

const many = (shape: PayloadShape): string => (shape === 'many' ? ' of many values' : '');

export function rowName({ path, result, args, inFlight }: CallRow): string {
  const what =
    args.bytes > SMALL_ARGS.bytes
      ? `${sizeName(args.bytes)} arguments${many(args.shape)}`
      : `${sizeName(result.bytes)}${result.bytes > SMALL_RESULT.bytes ? ` result${many(result.shape)}` : ''}`;
  return `${path}, ${what}, ${inFlight} in flight`;
}

function small(path: CallPath, inFlight: number): CallRow {
  return { path, result: SMALL_RESULT, args: SMALL_ARGS, inFlight };
}

interface Load {
  readonly path: CallPath;
  readonly inFlight: number;
}

function largeOf(load: Load, bytes: number, brief: boolean): readonly CallRow[] {
  const { path, inFlight } = load;
  return [
    { path, inFlight, brief, args: SMALL_ARGS, result: { bytes, shape: 'string' } },
    { path, inFlight, brief, args: { bytes, shape: 'string' }, result: SMALL_RESULT },
    { path, inFlight, brief, args: { bytes, shape: 'many' }, result: SMALL_RESULT },
  ];
}

function large(path: CallPath, inFlight: number): readonly CallRow[] {
  return SIZES.slice(1).flatMap(([, bytes]) => largeOf({ path, inFlight }, bytes, false));
}

/** How many are in flight with large bodies: enough to keep busy, few enough that memory stays out of it. */
const LARGE_IN_FLIGHT = 8;
const PATHS: readonly CallPath[] = [
  'modern→modern',
  'legacy→legacy',
  'legacy→legacy, events',
  'legacy→modern',
  'modern→legacy',
  'modern→stdio',
  'legacy→stdio',
];

/** At which concurrency every path and size is measured. */
const IN_FLIGHT = [1, 32, 256] as const;

/** Every path at every size and concurrency: a big result and, within an era, a big text as arguments. */
function matrixRows(): readonly CallRow[] {
  return PATHS.filter((path) => !path.endsWith('events')).flatMap((path) =>
    IN_FLIGHT.flatMap((inFlight) =>
      SIZES.slice(1).flatMap(([, bytes]) => {
        const [result, args] = largeOf({ path, inFlight }, bytes, true);
        const both = path === 'modern→modern' || path === 'legacy→legacy';
        return [result, both ? args : undefined].filter((row) => row !== undefined);
      }),
    ),
  );
}

/** Every load of the bench; `quick` keeps one small and one large one. */
export function callRows(quick: boolean): readonly CallRow[] {
  if (quick) return [small('modern→modern', 4), ...large('legacy→legacy', 2).slice(0, 1)];
  return [
    ...PATHS.flatMap((path) => IN_FLIGHT.map((inFlight) => small(path, inFlight))),
    ...large('modern→modern', LARGE_IN_FLIGHT),
    ...large('legacy→legacy', LARGE_IN_FLIGHT),
    ...large('legacy→legacy, events', LARGE_IN_FLIGHT).slice(-3, -2),
    ...(['legacy→modern', 'modern→legacy', 'modern→stdio'] as const).flatMap((path) =>
      large(path, LARGE_IN_FLIGHT).filter(
        ({ args, result }) =>
          result.bytes === 1_024 * KB ||
          (args.bytes === 1_024 * KB && path === 'modern→stdio') ||
          (args.shape === 'many' && args.bytes === 10 * KB),
      ),
    ),
    ...matrixRows(),
  ];
}

export function clientEraOf(path: CallPath): WireEra {
  return path.startsWith('modern') ? 'modern' : 'legacy';
}

/** The load of a row on an endpoint where the tools' names have a prefix. */
export function placeOf(
  row: CallRow,
  { url, prefix, era }: { readonly url: string; readonly prefix: string; readonly era: WireEra },
): LoadPlace {
  const tool = `${prefix}${toolNameFor(row.result.bytes, row.result.shape)}`;
  const args = payloadJson(row.args.bytes, row.args.shape);
  return {
    url,
    requests: [callTemplate(era, tool, args)],
    session: era === 'legacy',
    connections: row.inFlight,
    minBytes: row.result.bytes * 0.8,
  };
}

/** A list as a load. */
export function listPlace(era: WireEra, url: string, inFlight: number): LoadPlace {
  return {
    url,
    requests: [requestTemplate({ era, method: 'tools/list', params: '' })],
    session: era === 'legacy',
    connections: inFlight,
    minBytes: 100,
  };
}

/** The tools the servers of the bench offer. */
export const CALLED_TOOLS: readonly string[] = SIZES.flatMap(([, bytes]) => [
  toolNameFor(bytes, 'string'),
  toolNameFor(bytes, 'many'),
]);
