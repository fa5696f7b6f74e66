import { Counter, type Registry } from 'prom-client';

/** Lists of clients, by how they were answered; plain numbers, so that a list costs one addition. */
interface ListUse {
  /** From memory, everything in question fresh. */
  hit: number;
  /** From memory, with something stale or missing. */
  stale: number;
  /** After waiting for servers. */
  miss: number;
}

/** How an attempt to fetch the service map ended. */
type MapOutcome = 'ok' | 'signature' | 'time' | 'content' | 'unreachable';
const MAP_OUTCOMES: readonly MapOutcome[] = ['ok', 'signature', 'time', 'content', 'unreachable'];

const BY_CODE: ReadonlyMap<string, MapOutcome> = new Map([
  ['MAP_UNSIGNED', 'signature'],
  ['MAP_BAD_SIGNATURE', 'signature'],
  ['MAP_FUTURE', 'time'],
  ['MAP_EXPIRED', 'time'],
  ['MAP_NEVER_FRESH', 'time'],
  ['MAP_REPLAYED', 'time'],
  ['MAP_BAD_JSON', 'content'],
  ['MAP_SCHEMA', 'content'],
  ['MAP_BRAND', 'content'],
  ['MAP_DUPLICATE_ID', 'content'],
]);

/** What is counted of what is fetched. */
export interface FetchMetrics {
  /** A list was answered: after waiting for servers, or from memory with something stale or missing, or neither. */
  listAnswered(waited: boolean, stale: boolean): void;
  /** An attempt to fetch the service map has ended. @param code of the ServiceMapError; undefined when it was taken. */
  mapFetched(code: string | undefined): void;
}

const LIST_METHODS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];

/** Declares `mcp_list_requests_total`. @returns what counts a list by its method, which costs one addition. */
export function createListCounter(registers: [Registry]): (method: string) => void {
  const asked = Object.fromEntries(LIST_METHODS.map((method) => [method, 0]));
  const counter: Counter<'method'> = new Counter({
    name: 'mcp_list_requests_total',
    help: 'Lists that clients asked for.',
    labelNames: ['method'],
    registers,
    collect() {
      this.reset();
      for (const [method, count] of Object.entries(asked)) this.inc({ method }, count);
    },
  });
  counter.reset();
  return (method) => {
    const count = asked[method];
    if (count !== undefined) asked[method] = count + 1;
  };
}

/** Declares `mcp_manifest_cache_requests_total` and `mcp_service_map_fetches_total`, every series from the start. */
export function createFetchMetrics(registers: [Registry]): FetchMetrics {
  const listUse: ListUse = { hit: 0, stale: 0, miss: 0 };
  const lists: Counter<'result'> = new Counter({
    name: 'mcp_manifest_cache_requests_total',
    help: 'Lists of clients: answered from memory, from memory that is stale, or after waiting for servers.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(listUse)) this.inc({ result }, count);
    },
  });
  lists.reset();
  const fetches: Counter<'outcome'> = new Counter({
    name: 'mcp_service_map_fetches_total',
    help: 'Attempts to fetch the service map, by what became of it.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of MAP_OUTCOMES) fetches.inc({ outcome }, 0);
  return {
    listAnswered: (waited, stale) => {
      if (waited) listUse.miss += 1;
      else if (stale) listUse.stale += 1;
      else listUse.hit += 1;
    },
    mapFetched: (code) => {
      if (code === 'MAP_CANCELLED') return;
      const outcome = code === undefined ? 'ok' : (BY_CODE.get(code) ?? 'unreachable');
      fetches.inc({ outcome });
    },
  };
}
