import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Route } from '../model/route.ts';
import { usePage } from '../parts/page-context.ts';
import { useStore } from '../parts/use-store.ts';
import { ConnectorsView } from './connectors-view.tsx';
import { FlagsView } from './flags-view.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { FeedBanner } from './live-mark.tsx';
import { PageHead } from './page-head.tsx';
import { RegistryView } from './registry-view.tsx';
import { ToolsView } from './tools-view.tsx';

function viewOf({ view, id }: Route): JSX.Element {
  switch (view) {
    case 'connectors':
      return <ConnectorsView id={id} />;
    case 'tools':
      return <ToolsView id={id} />;
    case 'registry':
      return <RegistryView id={id} />;
    case 'flags':
      return <FlagsView />;
  }
}

const TITLES = { connectors: 'Connectors', tools: 'Tools', registry: 'Registry', flags: 'Flags' };

/** `/` goes to the search of the view, unless something is being typed. */
function goToSearch(event: KeyboardEvent): void {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target } = event;
  if (target instanceof Element && target.closest('input, textarea, select, dialog') !== null)
    return;
  const search = document.querySelector<HTMLInputElement>('[data-search]');
  if (search === null) return;
  event.preventDefault();
  search.focus();
  search.select();
}

/** The whole page. */
export function App(): JSX.Element {
  const { route, feedState, announced } = usePage();
  const now = useStore(route);
  const { kind } = useStore(feedState);
  const sentence = useStore(announced);
  useEffect(() => {
    document.title = `${TITLES[now.view]} · Cortex MCP`;
  }, [now.view]);
  useEffect(() => {
    document.addEventListener('keydown', goToSearch);
    return () => {
      document.removeEventListener('keydown', goToSearch);
    };
  }, []);
  return (
    <>
      <button
        type="button"
        class="skip"
        onClick={() => {
          document.getElementById('main')?.focus();
        }}
      >
        Skip to content
      </button>
      <PageHead />
      <FeedBanner />
      <main id="main" tabIndex={-1} class={kind === 'reconnecting' ? 'old' : ''}>
        {viewOf(now)}
      </main>
      <p class="hidden" role="status">
        {sentence}
      </p>
      <KeyDialog />
    </>
  );
}
