import type { ComponentChildren, JSX } from 'preact';

interface TableRoomProps {
  readonly label: string;
  readonly children: ComponentChildren;
}

/** The frame of a table; one that is too wide is scrolled in it, by keys as well. */
export function TableRoom({ label, children }: TableRoomProps): JSX.Element {
  return (
    <div class="table-room" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
