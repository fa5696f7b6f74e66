import type { JSX } from 'preact';
import { formatCount, formatDuration, formatMs, formatRate, formatTime } from '../model/format.ts';
import type { ConnectorFacts, ConnectorTrouble } from '../model/overview.ts';
import { routeHash } from '../model/route.ts';
import { Drawer } from '../parts/drawer.tsx';
import { Facts } from '../parts/facts.tsx';
import { Foreign, LongText } from '../parts/foreign.tsx';
import { LatencyLine } from '../parts/latency-line.tsx';
import { BreakerMark, StateMark } from '../parts/marks.tsx';
import { Age, Countdown, Waiting } from '../parts/ticking.tsx';
import { ErrorText } from './error-text.tsx';

interface ConnectorDetailProps {
  readonly id: string;
  /** Undefined when there is none of this id, any more. */
  readonly connector: ConnectorFacts | undefined;
}

function close(): void {
  location.hash = routeHash('connectors');
}

/** Everything the gateway tells about one connector. */
export function ConnectorDetail({ id, connector }: ConnectorDetailProps): JSX.Element {
  return (
    <Drawer title={<Foreign text={id} />} onClose={close}>
      {connector === undefined ? (
        <p class="empty">There is no connector of this name now.</p>
      ) : (
        <Detail one={connector} />
      )}
    </Drawer>
  );
}

function Detail({ one }: { readonly one: ConnectorFacts }): JSX.Element {
  const { pulse, counts } = one;
  return (
    <>
      <p class="state-line">
        <StateMark state={one.state} /> <span class="muted">{one.transport}</span>{' '}
        <Foreign text={one.origin} />
      </p>
      {one.waiting !== undefined && (
        <p>
          Waits in phase <Waiting {...one.waiting} />
        </p>
      )}
      {one.error !== undefined && <Trouble trouble={one.error} />}
      <h3>Latency</h3>
      <LatencyLine connector={one} width={420} height={72} />
      {pulse.p50Ms !== undefined && <Legend one={one} />}
      <h3>Calls</h3>
      <Facts
        facts={[
          ['Calls', `${formatRate(pulse.callsPerSecond)} /s`],
          ['Errors', `${formatRate(pulse.errorsPerSecond)} /s`],
          ['In flight', formatCount(one.inFlight)],
          ['Breaker', <BreakerMark breaker={one.breaker} />],
        ]}
      />
      <h3>Offers</h3>
      <Facts
        facts={[
          ['Tools', formatCount(counts.tools)],
          ['Prompts', formatCount(counts.prompts)],
          ['Resources', formatCount(counts.resources)],
          ['Templates', formatCount(counts.templates)],
        ]}
      />
      <h3>Freshness</h3>
      <Facts
        facts={[
          ['Lists are', one.freshness],
          ['Age', <Age ageMs={one.ageMs} measuredAt={one.measuredAt} />],
          ['May be kept for', formatDuration(one.ttlMs)],
          ['Last sync', formatTime(one.lastSyncAt)],
          ['Next refresh in', <Countdown at={one.nextRefreshAt} />],
        ]}
      />
      <h3>Connection</h3>
      <Facts
        facts={[
          ['Era', `${one.era}${one.revision === undefined ? '' : ` (${one.revision})`}`],
          ['Defined in', one.source],
          ['Enabled', one.enabled ? 'yes' : 'no'],
          ['Process', one.pid === undefined ? '–' : String(one.pid)],
          ['Restarts', formatCount(one.restarts)],
        ]}
      />
    </>
  );
}

function Legend({ one }: { readonly one: ConnectorFacts }): JSX.Element {
  const { pulse, latency } = one;
  return (
    <p class="legend muted">
      <span class="key-p50">p50</span> {formatMs(pulse.p50Ms)} ms <span class="key-p95">p95</span>{' '}
      {formatMs(pulse.p95Ms)} ms · the last{' '}
      {formatDuration(latency.calls.length * latency.bucketMs)}
    </p>
  );
}

function Trouble({ trouble }: { readonly trouble: ConnectorTrouble }): JSX.Element {
  return (
    <section class="trouble" aria-label="What is wrong">
      <p>
        <b>
          <Foreign text={trouble.code} />
        </b>{' '}
        in phase <Foreign text={trouble.phase} />
      </p>
      <LongText text={trouble.message} max={400} what="the message" />
      {trouble.remedy !== undefined && (
        <div class="remedy">
          <b>What to do</b>
          <LongText text={trouble.remedy} max={600} what="what to do" />
        </div>
      )}
      <ErrorText code={trouble.code} />
    </section>
  );
}
