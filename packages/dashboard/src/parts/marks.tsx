import type { JSX } from 'preact';
import { toneOf, type Tone } from '../model/connector-rows.ts';
import { Foreign } from './foreign.tsx';

/** One shape per tone, so that colour is never all there is. */
function shapeOf(tone: Tone): JSX.Element {
  switch (tone) {
    case 'good':
      return <circle cx="6" cy="6" r="4.5" fill="currentColor" />;
    case 'aging':
      return (
        <>
          <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.5" />
          <path d="M6 2a4 4 0 0 1 0 8z" fill="currentColor" />
        </>
      );
    case 'bad':
      return <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" stroke="currentColor" stroke-width="2.2" />;
    case 'busy':
      return (
        <circle
          cx="6"
          cy="6"
          r="4"
          fill="none"
          stroke="currentColor"
          stroke-width="1.8"
          stroke-dasharray="3 2"
        />
      );
    case 'off':
      return <path d="M2 6h8" stroke="currentColor" stroke-width="2" />;
  }
}

interface MarkProps {
  readonly tone: Tone;
  readonly text: string;
}

/** A state: shape, colour and word. */
export function Mark({ tone, text }: MarkProps): JSX.Element {
  return (
    <span class={`mark ${tone}`}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {shapeOf(tone)}
      </svg>
      <Foreign text={text} />
    </span>
  );
}

export function StateMark({ state }: { readonly state: string }): JSX.Element {
  return <Mark tone={toneOf(state)} text={state} />;
}

const BREAKER_TONES: ReadonlyMap<string, Tone> = new Map([
  ['closed', 'good'],
  ['half-open', 'aging'],
  ['open', 'bad'],
]);

export function BreakerMark({ breaker }: { readonly breaker: string }): JSX.Element {
  // A closed breaker is the rule: it gets no colour, so that the others stand out.
  if (breaker === 'closed') return <span class="muted">closed</span>;
  return <Mark tone={BREAKER_TONES.get(breaker) ?? 'off'} text={breaker} />;
}
