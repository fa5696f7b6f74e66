import type { JSX } from 'preact';
import type { SortKey, Sorting } from '../model/connector-rows.ts';
import { formatCount, formatMs, formatRate } from '../model/format.ts';
import type { ConnectorFacts } from '../model/overview.ts';
import { routeHash } from '../model/route.ts';
import { visibleText } from '../model/safe-text.ts';
import { Foreign } from '../parts/foreign.tsx';
import { LatencyLine } from '../parts/latency-line.tsx';
import { BreakerMark, StateMark } from '../parts/marks.tsx';
import { Age, Countdown, Waiting } from '../parts/ticking.tsx';
import { TableRoom } from '../parts/table-room.tsx';

interface Column {
  readonly key: SortKey;
  readonly name: string;
  /** `num` is aligned to the right; `wide` and `wider` go first when there is little room. */
  readonly class: string;
}

const COLUMNS: readonly Column[] = [
  { key: 'id', name: 'Connector', class: '' },
  { key: 'state', name: 'State', class: '' },
  { key: 'era', name: 'Era', class: 'wider' },
  { key: 'tools', name: 'Tools', class: 'num wide' },
  { key: 'age', name: 'Age', class: 'num wide' },
  { key: 'next', name: 'Next', class: 'num wide' },
  { key: 'p95', name: 'p50 / p95 ms', class: 'latency' },
  { key: 'calls', name: 'Calls/s', class: 'num wide' },
  { key: 'errors', name: 'Errors/s', class: 'num wide' },
  { key: 'inFlight', name: 'In flight', class: 'num wider' },
  { key: 'breaker', name: 'Breaker', class: 'wider' },
  { key: 'restarts', name: 'Restarts', class: 'num wider' },
];

interface ConnectorTableProps {
  readonly rows: readonly ConnectorFacts[];
  readonly sorting: Sorting;
  readonly onSort: (key: SortKey) => void;
}

export function ConnectorTable({ rows, sorting, onSort }: ConnectorTableProps): JSX.Element {
  return (
    <TableRoom label="Table of connectors">
      <table class="connectors">
        <caption class="hidden">Connectors; the headings sort</caption>
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <Heading key={column.key} column={column} sorting={sorting} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <Row key={one.id} one={one} />
          ))}
        </tbody>
      </table>
    </TableRoom>
  );
}

interface HeadingProps {
  readonly column: Column;
  readonly sorting: Sorting;
  readonly onSort: (key: SortKey) => void;
}

function Heading({ column, sorting, onSort }: HeadingProps): JSX.Element {
  const isSorted = sorting.key === column.key;
  const direction = sorting.isDescending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={column.class} {...(isSorted && { 'aria-sort': direction })}>
      <button
        type="button"
        onClick={() => {
          onSort(column.key);
        }}
      >
        {column.name}
        <span class="sort" aria-hidden="true">
          {isSorted ? (sorting.isDescending ? '▾' : '▴') : ''}
        </span>
      </button>
    </th>
  );
}

function open(event: MouseEvent, id: string): void {
  // Links in the row go their own way, and so does the marking of text.
  if (event.target instanceof Element && event.target.closest('a, button') !== null) return;
  if (globalThis.getSelection()?.isCollapsed === false) return;
  location.hash = routeHash('connectors', id);
}

function Row({ one }: { readonly one: ConnectorFacts }): JSX.Element {
  const { pulse } = one;
  return (
    <tr
      onClick={(event) => {
        open(event, one.id);
      }}
    >
      <th scope="row">
        <a href={routeHash('connectors', one.id)} title={visibleText(one.id)}>
          <Foreign text={one.id} />
        </a>
        <span class="under">
          <Foreign text={[one.transport, one.origin].filter((part) => part !== '').join(' · ')} />
        </span>
      </th>
      <td>
        <StateMark state={one.state} />
        {one.waiting !== undefined && (
          <span class="under">
            <Waiting {...one.waiting} />
          </span>
        )}
        {one.error !== undefined && (
          <span class="under bad">
            <Foreign text={`${one.error.phase} · ${one.error.code}`} />
          </span>
        )}
      </td>
      <td class="wider">
        {one.era}
        <span class="under">{one.revision ?? ''}</span>
      </td>
      <td class="num wide">{formatCount(one.counts.tools)}</td>
      <td class="num wide">
        <Age ageMs={one.ageMs} measuredAt={one.measuredAt} />
        <span class="under">{one.freshness === 'none' ? '' : one.freshness}</span>
      </td>
      <td class="num wide">
        <Countdown at={one.nextRefreshAt} />
      </td>
      <td class="latency">
        <LatencyLine connector={one} width={96} height={20} />
        <span class="figures">
          {formatMs(pulse.p50Ms)} / {formatMs(pulse.p95Ms)}
        </span>
      </td>
      <td class="num wide">{formatRate(pulse.callsPerSecond)}</td>
      <td class={pulse.errorsPerSecond > 0 ? 'num wide bad' : 'num wide'}>
        {formatRate(pulse.errorsPerSecond)}
      </td>
      <td class="num wider">{formatCount(one.inFlight)}</td>
      <td class="wider">
        <BreakerMark breaker={one.breaker} />
      </td>
      <td class="num wider">{formatCount(one.restarts)}</td>
    </tr>
  );
}
