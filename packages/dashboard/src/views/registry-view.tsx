import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { readRegistry, type RegistryPage, type RegistryServer } from '../live/registry-client.ts';
import { routeHash } from '../model/route.ts';
import { Foreign, LongText } from '../parts/foreign.tsx';
import { Mark } from '../parts/marks.tsx';
import { usePage } from '../parts/page-context.ts';
import { SearchField } from '../parts/search-field.tsx';
import { useStore } from '../parts/use-store.ts';
import { RegistryDetail } from './registry-detail.tsx';
import { TableRoom } from '../parts/table-room.tsx';

const LIMIT = 30;
const TYPING_MS = 250;

interface Place {
  readonly search: string;
  /** Cursors of the pages up to this one; the first page has none. */
  readonly cursors: readonly string[];
}

type Shown = RegistryPage | { readonly kind: 'loading' };

function useRegistry({ search, cursors }: Place): Shown {
  const { fetch, feedState } = usePage();
  const isLive = useStore(feedState).kind === 'live';
  const [shown, setShown] = useState<Shown>({ kind: 'loading' });
  useEffect(() => {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      try {
        const query = { search, cursor: cursors.at(-1), limit: LIMIT };
        setShown(await readRegistry(fetch, query, abort.signal));
      } catch {
        // Whatever fetch says of it differs from browser to browser, and says no more.
        if (abort.signal.aborted) return;
        setShown({ kind: 'failed', why: 'The gateway could not be reached.' });
      }
    };
    const timer = setTimeout(() => void read(), search === '' ? 0 : TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [fetch, search, cursors, isLive]);
  return shown;
}

/** What the registry knows, page by page. */
export function RegistryView({ id }: { readonly id: string | undefined }): JSX.Element {
  const [place, setPlace] = useState<Place>({ search: '', cursors: [] });
  const shown = useRegistry(place);
  const servers = shown.kind === 'page' ? shown.servers : [];
  return (
    <section aria-labelledby="registry-title">
      <div class="bar">
        <h1 id="registry-title">Registry</h1>
        <SearchField
          label="Search the registry"
          value={place.search}
          onSearch={(search) => {
            setPlace({ search, cursors: [] });
          }}
        />
      </div>
      {shown.kind === 'absent' && (
        <p class="empty">
          This gateway serves no registry. The setting <code>registry.http</code> makes it.
        </p>
      )}
      {shown.kind === 'failed' && <p class="empty">{shown.why}</p>}
      {shown.kind === 'loading' && <p class="empty">Reading…</p>}
      {shown.kind === 'page' && <RegistryTable servers={servers} />}
      {shown.kind === 'page' && (
        <CursorPager
          index={place.cursors.length}
          next={shown.nextCursor}
          onPage={(cursors) => {
            setPlace({ search: place.search, cursors: cursors(place.cursors) });
          }}
        />
      )}
      {id !== undefined && (
        <RegistryDetail key={id} name={id} known={servers.find((one) => one.name === id)} />
      )}
    </section>
  );
}

function RegistryTable({ servers }: { readonly servers: readonly RegistryServer[] }): JSX.Element {
  if (servers.length === 0) return <p class="empty">Nothing is found.</p>;
  return (
    <TableRoom label="Table of servers">
      <table class="registry">
        <caption class="hidden">Servers of the registry</caption>
        <thead>
          <tr>
            <th scope="col">Server</th>
            <th scope="col">Version</th>
            <th scope="col" class="wide">
              Description
            </th>
            <th scope="col" class="wide">
              By
            </th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {servers.map((one) => (
            <tr key={`${one.name} ${one.version}`}>
              <th scope="row">
                <a href={routeHash('registry', one.name)}>
                  <Foreign text={one.name} />
                </a>
                {one.title !== undefined && (
                  <span class="under">
                    <Foreign text={one.title} />
                  </span>
                )}
              </th>
              <td>
                <Foreign text={one.version} />
              </td>
              <td class="wide description">
                <LongText
                  text={one.description}
                  max={200}
                  what={`the description of ${one.name}`}
                />
              </td>
              <td class="wide">
                <Foreign text={one.ways.join(', ')} />
              </td>
              <td>
                <Mark tone={one.status === 'active' ? 'good' : 'aging'} text={one.status} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableRoom>
  );
}

interface CursorPagerProps {
  readonly index: number;
  readonly next: string | undefined;
  readonly onPage: (change: (cursors: readonly string[]) => readonly string[]) => void;
}

function CursorPager({ index, next, onPage }: CursorPagerProps): JSX.Element | null {
  if (index === 0 && next === undefined) return null;
  return (
    <nav class="pager" aria-label="Pages of the registry">
      <button
        type="button"
        disabled={index === 0}
        onClick={() => {
          onPage((cursors) => cursors.slice(0, -1));
        }}
      >
        Previous
      </button>
      <span class="muted">Page {index + 1}</span>
      <button
        type="button"
        disabled={next === undefined}
        onClick={() => {
          if (next !== undefined) onPage((cursors) => [...cursors, next]);
        }}
      >
        Next
      </button>
    </nav>
  );
}
