import { expect, test } from 'vitest';
import type { ConnectorFact } from '../../src/observability/connector-gauges.ts';
import { createInstruments } from '../../src/observability/instruments.ts';
import { scrape as scrapeRegistry } from '../../src/observability/scrape.ts';
import { createSyncMeter } from '../../src/observability/sync-meter.ts';
import { parseExposition } from './exposition.ts';

function fixture(connectors: ConnectorFact[] = []) {
  const instruments = createInstruments({
    connectors: () => connectors,
    catalogLists: () => ({ tools: { count: 3 }, prompts: { count: 0 } }),
    callsInFlight: () => 2,
    sessions: () => 5,
    draining: () => true,
    pools: () => [],
  });
  return {
    connectors,
    instruments,
    scrape: async () => parseExposition(await scrapeRegistry(instruments.registry)),
  };
}

const fact = (id: string, more: Partial<ConnectorFact> = {}): ConnectorFact => ({
  id,
  state: 'fresh',
  ageMs: 1_500,
  failure: undefined,
  ...more,
});

/** The lines that two scrapes in a row have in common: not those that measure the process. */
function steady(text: string): string[] {
  return text.split('\n').filter((line) => /_sync_|_tool_call_|# /.test(line));
}

test('scrape() writes what the registry writes, and lets others have a turn', async () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => `connector-${index}`);
  const { instruments } = fixture(ids.map((id) => fact(id)));
  for (const id of ids) {
    instruments.connector(id).syncEnded('synced', 20);
    instruments.connector(id).toolCallEnded('ok', 2);
  }
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  const text = await scrapeRegistry(instruments.registry);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
  expect(steady(text)).toEqual(steady(await instruments.registry.metrics()));
});

// What dashboards and alerts name: a change here is a change for those who watch us.
test('createInstruments() declares these metrics and no others (S4-35)', async () => {
  const { scrape } = fixture();
  const { names } = await scrape();
  expect(names.toSorted()).toEqual([
    'brainwav_mcp_connector_proxy_up',
    'mcp_breaker_state',
    'mcp_call_retries_total',
    'mcp_calls_in_flight',
    'mcp_calls_refused_total',
    'mcp_catalog_build_duration_seconds',
    'mcp_catalog_items',
    'mcp_connector_state',
    'mcp_connector_sync_duration_seconds',
    'mcp_connector_sync_retries_total',
    'mcp_connector_sync_round_trips_total',
    'mcp_event_loop_delay_seconds',
    'mcp_event_loop_stalled_seconds_total',
    'mcp_gateway_draining',
    'mcp_gateway_questions_total',
    'mcp_gc_pause_seconds',
    'mcp_list_requests_total',
    'mcp_manifest_age_seconds',
    'mcp_manifest_cache_requests_total',
    'mcp_memory_array_buffers_bytes',
    'mcp_memory_heap_limit_bytes',
    'mcp_memory_limit_bytes',
    'mcp_memory_used_bytes',
    'mcp_pool_places',
    'mcp_pool_places_in_use',
    'mcp_pool_places_waiting',
    'mcp_pool_sockets',
    'mcp_pool_wait_seconds',
    'mcp_pool_waiting',
    'mcp_service_map_fetches_total',
    'mcp_sessions_current',
    'mcp_tool_call_duration_seconds',
    'mcp_tool_call_upstream_duration_seconds',
    'nodejs_active_resources',
    'nodejs_external_memory_bytes',
    'nodejs_heap_size_limit_bytes',
    'nodejs_heap_size_total_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_heap_space_size_total_bytes',
    'nodejs_heap_space_size_used_bytes',
    'nodejs_version_info',
    'process_cpu_seconds_total',
    'process_cpu_system_seconds_total',
    'process_cpu_user_seconds_total',
    'process_max_fds',
    'process_open_fds',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
  ]);
});

test('every metric has a help text', async () => {
  const { instruments } = fixture();
  const helps = instruments.registry.getMetricsAsArray().map(({ help }) => help);
  expect(helps.filter((help) => !/^[A-Z1].*\.$|\)\.$/.test(help))).toEqual([]);
});

test.each([
  ['fresh', undefined, 1],
  ['stale', undefined, 1],
  ['fresh', { code: 'TIMEOUT' }, 0],
  ['stale', { code: 'TIMEOUT' }, 0],
  ['unavailable', undefined, 0],
  ['disabled', undefined, 0],
] as const)(
  'brainwav_mcp_connector_proxy_up of a %s connector with failure %o is %i',
  async (state, failure, up) => {
    const { scrape } = fixture([fact('a', { state, failure })]);
    expect((await scrape()).value('brainwav_mcp_connector_proxy_up', { connector: 'a' })).toBe(up);
  },
);

test('mcp_connector_state is 1 for one state and 0 for the others', async () => {
  const { scrape } = fixture([fact('a', { state: 'stale' })]);
  const { value } = await scrape();
  const states = ['fresh', 'stale', 'unavailable', 'disabled'];
  expect(states.map((state) => value('mcp_connector_state', { connector: 'a', state }))).toEqual([
    0, 1, 0, 0,
  ]);
});

test('mcp_manifest_age_seconds is in seconds, and there is none without a manifest', async () => {
  const { scrape } = fixture([fact('a'), fact('b', { ageMs: undefined, state: 'unavailable' })]);
  const { value } = await scrape();
  expect(value('mcp_manifest_age_seconds', { connector: 'a' })).toBe(1.5);
  expect(value('mcp_manifest_age_seconds', { connector: 'b' })).toBeUndefined();
});

test('what is read at scrape time is read anew by each scrape', async () => {
  const { scrape, connectors } = fixture([fact('a')]);
  const first = await scrape();
  expect(first.value('mcp_calls_in_flight')).toBe(2);
  expect(first.value('mcp_sessions_current')).toBe(5);
  expect(first.value('mcp_catalog_items', { kind: 'tools' })).toBe(3);
  connectors[0] = fact('a', { state: 'unavailable' });
  expect((await scrape()).value('brainwav_mcp_connector_proxy_up')).toBe(0);
});

test('no series of a connector that is gone stays, not even by what ends late (S16)', async () => {
  const { scrape, connectors, instruments } = fixture([fact('a'), fact('b')]);
  const gone = instruments.connector('a');
  const kept = instruments.connector('b');
  for (const one of [gone, kept]) {
    one.syncEnded('synced', 20);
    one.toolCallEnded('ok', 2);
    one.syncRetried();
  }
  connectors.shift();
  expect((await scrape()).samples.filter(({ labels }) => labels['connector'] === 'a')).toEqual([]);
  gone.syncEnded('failed', 20);
  gone.toolCallEnded('failed', 2);
  gone.syncRetried();
  const later = await scrape();
  expect(later.samples.filter(({ labels }) => labels['connector'] === 'a')).toEqual([]);
  expect(later.value('mcp_tool_call_duration_seconds_count', { connector: 'b' })).toBe(1);
  expect(instruments.find('a')).toBeUndefined();
});

test('prune() removes series without a scrape; a connector that comes back begins at zero', async () => {
  const { scrape, connectors, instruments } = fixture([fact('a')]);
  instruments.connector('a').syncRetried();
  connectors.pop();
  instruments.prune();
  expect(instruments.find('a')).toBeUndefined();
  connectors.push(fact('a'));
  instruments.connector('a');
  expect((await scrape()).value('mcp_connector_sync_retries_total')).toBe(0);
});

test('find() gives no instruments for an id that is not configured, so calls cannot add labels (S16)', async () => {
  const { scrape, instruments } = fixture([fact('a')]);
  instruments.connector('a');
  for (let index = 0; index < 10_000; index += 1) {
    instruments.find(`random-${index}`)?.toolCallEnded('ok', 1);
  }
  const ids = new Set((await scrape()).samples.map(({ labels }) => labels['connector']));
  expect(ids).toEqual(new Set(['a', undefined]));
});

test('durations reach the buckets in seconds', async () => {
  const { scrape, instruments } = fixture([fact('a')]);
  instruments.connector('a').toolCallEnded('ok', 250);
  instruments.connector('a').syncEnded('failed', 2_000);
  const { value } = await scrape();
  const call = { connector: 'a', outcome: 'ok' };
  expect(value('mcp_tool_call_duration_seconds_bucket', { ...call, le: '0.1' })).toBe(0);
  expect(value('mcp_tool_call_duration_seconds_bucket', { ...call, le: '0.25' })).toBe(1);
  const sync = { connector: 'a', outcome: 'failed' };
  expect(value('mcp_connector_sync_duration_seconds_bucket', { ...sync, le: '0.5' })).toBe(0);
  expect(value('mcp_connector_sync_duration_seconds_bucket', { ...sync, le: '2' })).toBe(1);
});

test('createSyncMeter() counts attempts after a failed one as retries, until it is closed', async () => {
  const { scrape, instruments } = fixture([fact('a')]);
  const meter = createSyncMeter(instruments.connector('a'));
  meter.asked();
  meter.ended('failed', 10);
  meter.asked();
  meter.ended('failed', 10);
  meter.asked();
  meter.ended('synced', 10);
  meter.asked();
  meter.close();
  meter.ended('failed', 10);
  meter.asked();
  const { value } = await scrape();
  const count = (outcome: string) =>
    value('mcp_connector_sync_duration_seconds_count', { connector: 'a', outcome });
  expect(value('mcp_connector_sync_retries_total')).toBe(2);
  expect([count('failed'), count('synced')]).toEqual([2, 1]);
});
