import type { JSX } from 'preact';
import type { FeedState } from '../live/live-feed.ts';
import type { Tone } from '../model/connector-rows.ts';
import { formatCoarse, formatTime } from '../model/format.ts';
import { Mark } from '../parts/marks.tsx';
import { usePage } from '../parts/page-context.ts';
import { useSeconds, useStore } from '../parts/use-store.ts';

function markOf(state: FeedState, serviceState: string | undefined): readonly [Tone, string] {
  switch (state.kind) {
    case 'connecting':
      return ['busy', 'connecting'];
    case 'live':
      return serviceState === 'ready' ? ['good', 'live'] : ['busy', `live, ${serviceState ?? ''}`];
    case 'reconnecting':
      return ['bad', 'reconnecting'];
    case 'polling':
      return ['aging', 'every few seconds'];
    case 'locked':
      return ['off', 'no access'];
  }
}

/** Whether what is shown is of now. */
export function LiveMark(): JSX.Element {
  const { feedState, overview } = usePage();
  const [tone, text] = markOf(useStore(feedState), useStore(overview)?.service.state);
  return (
    <span class="live-mark">
      <Mark tone={tone} text={text} />
    </span>
  );
}

/** Says, above everything, that what is shown is old or that nothing may be shown. */
export function FeedBanner(): JSX.Element | null {
  const { feedState, overview } = usePage();
  const state = useStore(feedState);
  const known = useStore(overview);
  if (state.kind === 'reconnecting')
    return <AwayBanner state={state} isEmpty={known === undefined} />;
  if (state.kind === 'locked') return <LockedBanner />;
  return null;
}

function AwayBanner(props: {
  readonly state: FeedState & { kind: 'reconnecting' };
  readonly isEmpty: boolean;
}): JSX.Element {
  const { since, nextAt } = props.state;
  const { feed } = usePage();
  const now = useSeconds();
  const next = nextAt <= now ? 'now' : `in ${formatCoarse(nextAt - now + 999)}`;
  return (
    <div class="banner">
      <p>
        <b>Reconnecting.</b>{' '}
        {props.isEmpty
          ? 'The gateway does not answer yet.'
          : `This is what was known at ${formatTime(since)}, ${formatCoarse(now - since)} ago.`}{' '}
        Next try {next}.
      </p>
      <button
        type="button"
        onClick={() => {
          feed.reconnect();
        }}
      >
        Try now
      </button>
    </div>
  );
}

function LockedBanner(): JSX.Element {
  const { access } = usePage();
  return (
    <div class="banner">
      <p>
        <b>No access.</b> The gateway asks for a key that may read its status.
      </p>
      <button
        type="button"
        onClick={() => {
          access.set({ kind: 'wanted', why: 'This gateway asks for a key.' });
        }}
      >
        Enter a key
      </button>
    </div>
  );
}
