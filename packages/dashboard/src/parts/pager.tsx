import type { JSX } from 'preact';
import { formatCount } from '../model/format.ts';
import type { Page } from '../model/paging.ts';

interface PagerProps {
  readonly page: Page<unknown>;
  /** Of many: `tools`. */
  readonly what: string;
  readonly onPage: (index: number) => void;
}

/** Buttons between the pages of a long list; only the count when there is one page. */
export function Pager({ page, what, onPage }: PagerProps): JSX.Element {
  const { index, count, first, last, total } = page;
  if (count === 1)
    return (
      <p class="pager muted">{`${formatCount(total)} ${total === 1 ? what.replace(/s$/, '') : what}`}</p>
    );
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      <button
        type="button"
        disabled={index === 0}
        onClick={() => {
          onPage(index - 1);
        }}
      >
        Previous
      </button>
      <span class="muted">
        {`${formatCount(first)}–${formatCount(last)} of ${formatCount(total)} ${what}`}
      </span>
      <button
        type="button"
        disabled={index === count - 1}
        onClick={() => {
          onPage(index + 1);
        }}
      >
        Next
      </button>
    </nav>
  );
}
