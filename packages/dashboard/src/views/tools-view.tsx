import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { loadTools, toolsOf, type ToolList } from '../live/tool-list.ts';
import { formatCount } from '../model/format.ts';
import { pageOf } from '../model/paging.ts';
import { routeHash } from '../model/route.ts';
import { offeredMark, searchTools, toolConnectors, type Tool } from '../model/tools.ts';
import { Foreign } from '../parts/foreign.tsx';
import { Pager } from '../parts/pager.tsx';
import { usePage } from '../parts/page-context.ts';
import { SearchField } from '../parts/search-field.tsx';
import { useStore } from '../parts/use-store.ts';
import { ToolDetail } from './tool-detail.tsx';

const PAGE_SIZE = 100;

/** Reads the tools when they are first looked at, and again when the gateway is another or offers others. */
function useTools(): ToolList {
  const { client, tools, overview, feedState } = usePage();
  const list = useStore(tools);
  const now = useStore(overview);
  const { kind } = useStore(feedState);
  const offered = useMemo(() => offeredMark(now?.connectors ?? []), [now]);
  const startedAt = now?.service.startedAt;
  useEffect(() => {
    if (kind !== 'reconnecting' && kind !== 'locked') void loadTools(client, tools);
  }, [client, tools, kind, offered, startedAt]);
  return list;
}

/** All tools on the left, the one that the route names on the right. */
export function ToolsView({ id }: { readonly id: string | undefined }): JSX.Element {
  const list = useTools();
  const tools = toolsOf(list);
  const chosen = useMemo(() => tools.find((one) => one.name === id), [tools, id]);
  return (
    <section aria-labelledby="tools-title" class={id === undefined ? 'split' : 'split has-choice'}>
      <ToolSide list={list} chosen={id} />
      <div class="main-side">
        {id === undefined && <p class="empty">Choose a tool to see it and to call it.</p>}
        {id !== undefined && chosen === undefined && (
          <p class="empty">{list.kind === 'loaded' ? 'There is no such tool now.' : 'Reading…'}</p>
        )}
        {chosen !== undefined && <ToolDetail key={chosen.name} tool={chosen} />}
      </div>
    </section>
  );
}

interface ToolSideProps {
  readonly list: ToolList;
  readonly chosen: string | undefined;
}

function ToolSide({ list, chosen }: ToolSideProps): JSX.Element {
  const { client, tools: store } = usePage();
  const tools = toolsOf(list);
  const [{ search, connector, index }, setPlace] = useState({
    search: '',
    connector: '',
    index: 0,
  });
  const found = useMemo(() => searchTools(tools, search, connector), [tools, search, connector]);
  const page = pageOf(found, index, PAGE_SIZE);
  return (
    <div class="side">
      <div class="bar">
        <h1 id="tools-title">Tools</h1>
        <button type="button" class="quiet" onClick={() => void loadTools(client, store)}>
          {list.kind === 'loading' ? 'Reading…' : 'Reload'}
        </button>
      </div>
      <SearchField
        label="Search tools"
        value={search}
        onSearch={(text) => {
          setPlace({ search: text, connector, index: 0 });
        }}
      />
      <ConnectorChoice
        tools={tools}
        chosen={connector}
        onChoose={(one) => {
          setPlace({ search, connector: one, index: 0 });
        }}
      />
      {list.kind === 'failed' && <p class="trouble">{list.why}</p>}
      {list.kind === 'loaded' && list.isCut && <p class="note">There are more than are shown.</p>}
      <ToolNames tools={page.items} chosen={chosen} />
      {list.kind === 'loaded' && found.length === 0 && <p class="empty">No tool is found.</p>}
      <Pager
        page={page}
        what="tools"
        onPage={(next) => {
          setPlace({ search, connector, index: next });
        }}
      />
    </div>
  );
}

interface ConnectorChoiceProps {
  readonly tools: readonly Tool[];
  readonly chosen: string;
  readonly onChoose: (connector: string) => void;
}

function ConnectorChoice({ tools, chosen, onChoose }: ConnectorChoiceProps): JSX.Element {
  const connectors = useMemo(() => toolConnectors(tools), [tools]);
  return (
    <label class="field-row">
      <span>Connector</span>
      <select
        value={chosen}
        onChange={(event) => {
          onChoose(event.currentTarget.value);
        }}
      >
        <option value="">{`all (${formatCount(tools.length)})`}</option>
        {connectors.map(({ id, count }) => (
          <option key={id} value={id}>
            {`${id || 'none'} (${formatCount(count)})`}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ToolNamesProps {
  readonly tools: readonly Tool[];
  readonly chosen: string | undefined;
}

function ToolNames({ tools, chosen }: ToolNamesProps): JSX.Element {
  return (
    <ul class="names">
      {tools.map((tool) => (
        <li key={tool.name}>
          <a
            href={routeHash('tools', tool.name)}
            {...(tool.name === chosen && { 'aria-current': 'true' })}
          >
            <span class="name">
              <Foreign text={tool.name} />
            </span>
            <span class="under">
              <Foreign text={(tool.title ?? tool.description).slice(0, 120)} />
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}
