import type { JSX } from 'preact';
import type { Tone } from '../model/connector-rows.ts';
import { formatCount } from '../model/format.ts';
import { Mark } from '../parts/marks.tsx';

interface ToneFilterProps {
  readonly counts: Readonly<Record<Tone, number>>;
  readonly total: number;
  readonly chosen: Tone | 'all';
  readonly onChoose: (tone: Tone | 'all') => void;
}

const TONES: readonly (readonly [Tone, string])[] = [
  ['good', 'ready'],
  ['aging', 'stale'],
  ['bad', 'unavailable'],
  ['busy', 'starting'],
  ['off', 'disabled'],
];

/** How many there are of each state, and a choice among them. */
export function ToneFilter({ counts, total, chosen, onChoose }: ToneFilterProps): JSX.Element {
  // `starting` comes and goes; it takes no room while there is none.
  const shown = TONES.filter(([tone]) => tone !== 'busy' || counts.busy > 0 || chosen === 'busy');
  const button = (tone: Tone | 'all', word: string, count: number): JSX.Element => (
    <button
      type="button"
      key={tone}
      aria-pressed={chosen === tone}
      onClick={() => {
        onChoose(tone);
      }}
    >
      {tone === 'all' ? word : <Mark tone={tone} text={word} />} <b>{formatCount(count)}</b>
    </button>
  );
  return (
    <div class="choices" role="group" aria-label="Show connectors by state">
      {button('all', 'all', total)}
      {shown.map(([tone, word]) => button(tone, word, counts[tone]))}
    </div>
  );
}
