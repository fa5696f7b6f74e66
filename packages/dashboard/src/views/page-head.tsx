import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { keepTheme, readTheme, type Theme } from '../live/theme.ts';
import { formatBytes, formatCount, formatMs } from '../model/format.ts';
import type { Overview } from '../model/overview.ts';
import { routeHash, type View } from '../model/route.ts';
import { usePage } from '../parts/page-context.ts';
import { Uptime } from '../parts/ticking.tsx';
import { useStore } from '../parts/use-store.ts';
import { LiveMark } from './live-mark.tsx';

const VIEWS: readonly (readonly [View, string])[] = [
  ['connectors', 'Connectors'],
  ['tools', 'Tools'],
  ['registry', 'Registry'],
  ['flags', 'Flags'],
];

/** Who this is, where to go, and how the process does. */
export function PageHead(): JSX.Element {
  const { overview, route } = usePage();
  const now = useStore(overview);
  const { view } = useStore(route);
  return (
    <header class="page-head">
      <div class="head-row">
        <p class="brand">
          <b>{now?.service.name ?? 'cortex-mcp'}</b>{' '}
          <span class="muted">{now?.service.version ?? ''}</span>
        </p>
        <nav aria-label="Views" class="views">
          {VIEWS.map(([name, text]) => (
            <a key={name} href={routeHash(name)} {...(name === view && { 'aria-current': 'page' })}>
              {text}
            </a>
          ))}
        </nav>
        <div class="head-end">
          <LiveMark />
          <ForgetKey />
          <ThemeChoice />
        </div>
      </div>
      {now !== undefined && <ProcessFigures overview={now} />}
    </header>
  );
}

function withMs(ms: number | undefined): string {
  return ms === undefined ? '–' : `${formatMs(ms)} ms`;
}

function ProcessFigures({ overview }: { readonly overview: Overview }): JSX.Element {
  const { service, process } = overview;
  const figures: readonly (readonly [string, JSX.Element | string])[] = [
    ['up', <Uptime startedAt={service.startedAt} />],
    ['memory', formatBytes(process.rssBytes)],
    ['heap', formatBytes(process.heapUsedBytes)],
    ['cpu', process.cpuPercent === undefined ? '–' : `${process.cpuPercent.toFixed(1)} %`],
    ['loop p99', withMs(process.eventLoopDelayP99Ms)],
    ['in flight', formatCount(process.inFlight)],
    ['sessions', formatCount(process.sessions)],
    ['streams', formatCount(process.streams)],
    ['pid', service.pid === undefined ? '–' : String(service.pid)],
    ['node', service.node.replace(/^v/, '') || '–'],
  ];
  return (
    <dl class="figures-row" aria-label="The process">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function ForgetKey(): JSX.Element | null {
  const { keys, feed, access, feedState } = usePage();
  useStore(access);
  useStore(feedState);
  if (keys.read() === undefined) return null;
  return (
    <button
      type="button"
      class="quiet"
      onClick={() => {
        keys.keep(undefined);
        feed.reconnect();
      }}
    >
      Forget key
    </button>
  );
}

function ThemeChoice(): JSX.Element {
  const [theme, setTheme] = useState<Theme>(() => readTheme(localStorage));
  return (
    <label class="theme">
      <span class="hidden">Colours</span>
      <select
        value={theme}
        onChange={(event) => {
          const { value } = event.currentTarget;
          const next = value === 'light' || value === 'dark' ? value : 'system';
          document.documentElement.dataset['theme'] = next;
          keepTheme(localStorage, next);
          setTheme(next);
        }}
      >
        <option value="system">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
