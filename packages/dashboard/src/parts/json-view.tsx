import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { LongText } from './foreign.tsx';

interface JsonViewProps {
  readonly value: unknown;
  readonly what: string;
}

/** JSON, indented, with a button that copies it. */
export function JsonView({ value, what }: JsonViewProps): JSX.Element {
  const [said, setSaid] = useState('copy');
  const text = useMemo(
    () => (typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)),
    [value],
  );
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('copied');
    } catch {
      // Without permission nothing is copied, and the button says so.
      setSaid('not allowed');
    }
  };
  return (
    <div class="json">
      <button
        type="button"
        class="quiet copy"
        onClick={() => void copy()}
        aria-label={`Copy ${what}`}
      >
        {said}
      </button>
      <LongText text={text} max={6000} what={what} isCode />
    </div>
  );
}
