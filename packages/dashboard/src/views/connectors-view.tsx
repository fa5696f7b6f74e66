import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import {
  connectorRows,
  countTones,
  type SortKey,
  type Sorting,
  type Tone,
} from '../model/connector-rows.ts';
import { pageOf } from '../model/paging.ts';
import { Pager } from '../parts/pager.tsx';
import { usePage } from '../parts/page-context.ts';
import { SearchField } from '../parts/search-field.tsx';
import { useStore } from '../parts/use-store.ts';
import { ConnectorDetail } from './connector-detail.tsx';
import { ConnectorTable } from './connector-table.tsx';
import { ToneFilter } from './tone-filter.tsx';

const PAGE_SIZE = 100;

/** All connectors; the one that the route names is open beside them. */
export function ConnectorsView({ id }: { readonly id: string | undefined }): JSX.Element {
  const overview = useStore(usePage().overview);
  const [search, setSearch] = useState('');
  const [tone, setTone] = useState<Tone | 'all'>('all');
  const [sorting, setSorting] = useState<Sorting>({ key: 'state', isDescending: false });
  const [index, setIndex] = useState(0);
  const connectors = overview?.connectors ?? [];
  const rows = connectorRows(connectors, { search, tone }, sorting);
  const page = pageOf(rows, index, PAGE_SIZE);
  const sortBy = (key: SortKey): void => {
    setSorting({ key, isDescending: sorting.key === key && !sorting.isDescending });
  };
  return (
    <section aria-labelledby="connectors-title">
      <div class="bar">
        <h1 id="connectors-title">Connectors</h1>
        <ToneFilter
          counts={countTones(connectors)}
          total={connectors.length}
          chosen={tone}
          onChoose={(one) => {
            setTone(one);
            setIndex(0);
          }}
        />
        <SearchField
          label="Search connectors"
          value={search}
          onSearch={(text) => {
            setSearch(text);
            setIndex(0);
          }}
        />
      </div>
      <ConnectorTable rows={page.items} sorting={sorting} onSort={sortBy} />
      {overview !== undefined && rows.length === 0 && (
        <p class="empty">
          {connectors.length === 0
            ? 'No connectors are configured. cortex-mcp connectors add adds one.'
            : 'No connector matches.'}
        </p>
      )}
      <Pager page={page} what="connectors" onPage={setIndex} />
      {id !== undefined && overview !== undefined && (
        <ConnectorDetail key={id} id={id} connector={connectors.find((one) => one.id === id)} />
      )}
    </section>
  );
}
