import type { JSX } from 'preact';
import { formatCoarse, formatDuration } from '../model/format.ts';
import type { ConnectorWait } from '../model/overview.ts';
import { Foreign } from './foreign.tsx';
import { usePage } from './page-context.ts';
import { useSeconds, useStore } from './use-store.ts';

/** The gateway's time now, as far as the page knows. */
export function useGatewayTime(): number {
  const { clockSkewMs } = usePage();
  return useSeconds() + useStore(clockSkewMs);
}

/** An age that grows: `ageMs` was true at `measuredAt`. */
export function Age(props: {
  readonly ageMs: number | undefined;
  readonly measuredAt: number;
}): JSX.Element {
  const now = useGatewayTime();
  if (props.ageMs === undefined) return <>–</>;
  return <>{formatCoarse(props.ageMs + Math.max(0, now - props.measuredAt))}</>;
}

/** The phase that something is in, and how long it has been waited for. */
export function Waiting({ phase, since }: ConnectorWait): JSX.Element {
  return (
    <>
      <Foreign text={phase} /> · <Age ageMs={0} measuredAt={since} />
    </>
  );
}

/** The time until something, down to zero. */
export function Countdown({ at }: { readonly at: number | undefined }): JSX.Element {
  const now = useGatewayTime();
  if (at === undefined) return <>–</>;
  return at <= now ? <>now</> : <>{formatCoarse(at - now)}</>;
}

export function Uptime({ startedAt }: { readonly startedAt: number }): JSX.Element {
  return (
    <>{formatDuration(Math.max(0, Math.floor((useGatewayTime() - startedAt) / 1000) * 1000))}</>
  );
}
