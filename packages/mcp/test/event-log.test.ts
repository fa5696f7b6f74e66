import { expect, test } from 'vitest';
import type { ConnectorDefinition } from '../src/connectors/connector.ts';
import type {
  ConnectorState,
  ConnectorStatus,
  SyncOutcome,
} from '../src/connectors/sync-report.ts';
import { createEventLog, createTell, type EventLog } from '../src/service/event-log.ts';
import { UpstreamError } from '../src/upstream/upstream-error.ts';

const HOUR_MS = 3_600_000;

interface Line {
  readonly level: string;
  readonly event: string;
  readonly [fact: string]: unknown;
}

interface Bench {
  readonly log: EventLog;
  now: number;
  /** What has been told since the last look. */
  readonly read: () => Line[];
  readonly events: () => string[];
}

function bench(): Bench {
  let lines: Line[] = [];
  const read = (): Line[] => lines.splice(0);
  const made: Bench = {
    now: 0,
    log: createEventLog(
      (level, facts, msg) => lines.push({ level, ...facts, msg }),
      () => made.now,
    ),
    read,
    events: () => read().map(({ event }) => event),
  };
  return made;
}

function synced(id = 'one', kind: 'synced' | 'unchanged' = 'synced'): SyncOutcome {
  const counts = { tools: 3, prompts: 0, resources: 1, warnings: [] };
  return { kind, id, durationMs: 12.4, attempts: 1, era: 'modern', ...counts };
}

function failed(code = 'HTTP_STATUS', attempts = 1): SyncOutcome {
  const message = 'the server answered with HTTP status 503';
  const about = { phase: 'list', code, message, remedy: 'mend it', nextAttemptMs: 900.4 } as const;
  return { kind: 'failed', id: 'one', durationMs: 5, attempts, ...about };
}

function lost(exit?: { exitCode: number | null; signal: string | null }): UpstreamError {
  const details = { connectorId: 'one', phase: 'ready', exit } as const;
  return new UpstreamError(exit ? 'PROCESS_EXITED' : 'SESSION_LOST', 'gone', details);
}

function definition(id: string, title = id, era = 'auto'): ConnectorDefinition {
  return { id, title, era, enabled: true } as ConnectorDefinition;
}

test('outcome() tells the first sync once, a failure once with code and remedy, and the recovery', () => {
  const { log, read } = bench();
  log.outcome(synced(), 'fresh');
  log.outcome(synced('one', 'unchanged'), 'fresh');
  expect(read()).toEqual([
    {
      level: 'info',
      event: 'connector.synced',
      connector: 'one',
      era: 'modern',
      tools: 3,
      prompts: 0,
      resources: 1,
      durationMs: 12,
      msg: 'synced for the first time',
    },
  ]);
  for (let attempt = 0; attempt < 50; attempt += 1) log.outcome(failed(), 'fresh');
  log.outcome(failed('HTTP_STATUS', 0), 'fresh');
  log.outcome(failed('CLOSED'), 'fresh');
  expect(read()).toEqual([
    {
      level: 'warn',
      event: 'connector.failed',
      connector: 'one',
      phase: 'list',
      code: 'HTTP_STATUS',
      message: 'the server answered with HTTP status 503',
      remedy: 'mend it',
      nextAttemptMs: 900,
      state: 'fresh',
      msg: 'the connector failed',
    },
  ]);
  log.outcome(synced(), 'fresh');
  expect(read()).toMatchObject([
    { event: 'connector.recovered', code: 'HTTP_STATUS', attempts: 50 },
  ]);
});

test('outcome() reminds of a lasting failure once an hour, with the attempts', () => {
  const made = bench();
  for (let minute = 0; minute <= 125; minute += 1) {
    made.now = minute * 60_000;
    made.log.outcome(failed(), 'unavailable');
  }
  expect(made.read()).toMatchObject([
    { event: 'connector.failed' },
    { event: 'connector.failing', level: 'warn', attempts: 61, failedMs: HOUR_MS },
    { event: 'connector.failing', attempts: 121, failedMs: 2 * HOUR_MS },
  ]);
});

test('outcome() tells when another failure takes its place, and when what is served gets stale and expires', () => {
  const { log, events } = bench();
  const states: ConnectorState[] = [
    'fresh',
    'fresh',
    'stale',
    'stale',
    'unavailable',
    'unavailable',
  ];
  for (const state of states) log.outcome(failed(), state);
  log.outcome(failed('TIMEOUT'), 'unavailable');
  expect(events()).toEqual([
    'connector.failed',
    'connector.stale',
    'connector.expired',
    'connector.failed',
  ]);
});

test('lost() tells how a process ended once an hour, and the next sync that it runs again', () => {
  const made = bench();
  const { log, read } = made;
  log.outcome(synced(), 'fresh');
  read();
  for (let round = 0; round < 5; round += 1) {
    log.lost('one', lost({ exitCode: null, signal: 'SIGKILL' }));
    log.outcome(synced('one', 'unchanged'), 'fresh');
  }
  expect(read()).toMatchObject([
    { event: 'process.exited', code: 'PROCESS_EXITED', exitCode: null, signal: 'SIGKILL' },
    { event: 'process.restarted', level: 'info' },
  ]);
  made.now = HOUR_MS;
  log.lost('one', lost({ exitCode: null, signal: 'SIGKILL' }));
  expect(read()).toMatchObject([{ event: 'process.exited', count: 5 }]);
  log.lost('one', lost());
  log.outcome(synced('one', 'unchanged'), 'fresh');
  expect(read()).toMatchObject([{ event: 'connection.lost' }, { event: 'connection.restored' }]);
  log.lost('one', lost({ exitCode: 3, signal: null }));
  log.outcome(failed('PROCESS_EXITED'), 'fresh');
  log.outcome(synced('one', 'unchanged'), 'fresh');
  expect(read().map(({ event }) => event)).toEqual([
    'process.exited',
    'connector.failed',
    'connector.recovered',
    'process.restarted',
  ]);
});

test('a connector that comes and goes has 20 lines an hour, one that says so, and is heard again after it', () => {
  const made = bench();
  const flap = (): void => {
    made.log.outcome(failed(), 'fresh');
    made.log.outcome(synced(), 'fresh');
  };
  for (let round = 0; round < 100; round += 1) flap();
  const events = made.events();
  expect(events).toHaveLength(21);
  expect(events.at(-1)).toBe('connector.muted');
  made.now = HOUR_MS;
  flap();
  expect(made.read()).toMatchObject([
    { event: 'connector.failed', unlogged: 180 },
    { event: 'connector.recovered' },
  ]);
});

test('callFailed() tells each code of a connector once an hour, with how often it was met', () => {
  const made = bench();
  for (let call = 0; call < 1_000; call += 1) made.log.callFailed('one', 'TIMEOUT');
  made.log.callFailed('one', 'STREAM_CUT');
  expect(made.read()).toMatchObject([
    { event: 'call.failed', connector: 'one', code: 'TIMEOUT' },
    { event: 'call.failed', code: 'STREAM_CUT' },
  ]);
  made.now = HOUR_MS;
  made.log.callFailed('one', 'TIMEOUT');
  expect(made.read()).toMatchObject([{ code: 'TIMEOUT', count: 1_000 }]);
});

test('wanted() tells what was added, changed and removed; a removed one is heard no more', () => {
  const { log, read, events } = bench();
  log.begin([definition('one'), definition('two'), definition('same')], []);
  log.outcome(synced(), 'fresh');
  read();
  log.outcome(synced('same'), 'fresh');
  read();
  const same = definition('same', 'In other words');
  log.wanted([definition('two', 'Two', 'modern'), definition('three'), same]);
  expect(read()).toMatchObject([
    { event: 'connector.removed', connector: 'one' },
    { event: 'connector.changed', connector: 'two' },
    { event: 'connector.added', connector: 'three' },
    { event: 'connector.changed', connector: 'same' },
  ]);
  log.outcome(failed(), 'unavailable');
  log.lost('one', lost());
  log.callFailed('one', 'TIMEOUT');
  expect(events()).toEqual([]);
  log.outcome(synced('two'), 'fresh');
  log.outcome(synced('same'), 'fresh');
  log.outcome({ kind: 'disabled', id: 'three' }, 'disabled');
  expect(events()).toEqual(['connector.synced']);
});

test('begin() tells of connectors that are configured wrongly, with the remedy, and of no others', () => {
  const { log, read } = bench();
  const failure = { phase: 'config', code: 'CONFIG_INVALID', message: 'no ${KEY}' } as const;
  const known = [
    { id: 'bad', state: 'unavailable', failure },
    { id: 'off', state: 'disabled', failure },
    { id: 'well', state: 'stale', failure: undefined },
  ] as ConnectorStatus[];
  log.begin([definition('bad'), definition('off'), definition('well')], known);
  const remedy = expect.stringMatching(/./) as unknown;
  expect(read()).toMatchObject([
    { event: 'connector.failed', connector: 'bad', code: 'CONFIG_INVALID', remedy },
  ]);
});

test('createTell() logs at the level of the event, and all at debug where people are shown the same', () => {
  const lines: string[] = [];
  const logger = {
    debug: () => void lines.push('debug'),
    info: () => void lines.push('info'),
    warn: () => void lines.push('warn'),
  };
  for (const quiet of [undefined, true]) {
    const tell = createTell(logger, quiet);
    tell('info', { event: 'a' }, 'm');
    tell('warn', { event: 'a' }, 'm');
  }
  expect(lines).toEqual(['info', 'warn', 'debug', 'debug']);
});
