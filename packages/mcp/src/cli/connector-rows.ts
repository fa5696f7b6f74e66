import type { ConnectorStatus } from '../connectors/sync-report.ts';
import { type Cell, type Colour, formatMs, type Paint, safeText, table } from './terminal-text.ts';

/** A connector's state in one word; `connecting` while nothing is known of it and an attempt is under way. */
export type ShownState = ConnectorStatus['state'] | 'connecting';

const COLOURS: Readonly<Record<ShownState, Colour>> = {
  fresh: 'green',
  stale: 'yellow',
  unavailable: 'red',
  disabled: 'dim',
  connecting: 'cyan',
};

export function shownState(status: ConnectorStatus): ShownState {
  if (status.state !== 'unavailable') return status.state;
  const { failure } = status;
  // Without a failure the first attempt is still to come; PENDING says what the one under way waits for.
  return failure === undefined || failure.code === 'PENDING' ? 'connecting' : 'unavailable';
}

/** `spawn: … (SPAWN_FAILED)`, what is wrong or waited for; empty when all is well. */
export function failureText(status: ConnectorStatus): string {
  const { failure } = status;
  if (failure === undefined || status.state === 'disabled') return '';
  const { phase, message, code } = failure;
  // What is waited for has not failed.
  return safeText(`${phase}: ${message}${code === 'PENDING' ? '' : ` (${code})`}`);
}

function row(status: ConnectorStatus): Cell[] {
  const state = shownState(status);
  const known = state === 'fresh' || state === 'stale';
  return [
    { text: status.id },
    { text: state, colour: COLOURS[state] },
    { text: known ? (status.era ?? '-') : '-' },
    { text: known ? String(status.tools) : '-', align: 'right' },
    { text: known ? formatMs(status.durationMs) : '-', align: 'right' },
    { text: failureText(status) },
  ];
}

/** The table of connectors that `serve` shows. */
export function connectorTable(
  connectors: readonly ConnectorStatus[],
  style: { readonly paint: Paint; readonly columns: number | undefined },
): string {
  const headings = ['CONNECTOR', 'STATE', 'ERA', 'TOOLS', 'TIME', ''];
  return table(headings, connectors.map(row), style);
}

/** One connector on one line, for what changes later; what is wrong with what to do about it. */
export function connectorLine(status: ConnectorStatus, paint: Paint): string {
  const state = shownState(status);
  const known = state === 'fresh' || state === 'stale';
  const facts = known
    ? [`${status.era ?? '-'}, ${status.tools} tools, ${formatMs(status.durationMs)}`]
    : [];
  const failure = failureText(status);
  if (failure !== '') facts.push(failure);
  const { remedy } = status.failure ?? {};
  const isWrong = failure !== '' && state !== 'connecting';
  if (isWrong && remedy !== undefined) facts.push(safeText(remedy));
  return `${status.id}: ${paint(COLOURS[state], state)}${facts.length > 0 ? ` (${facts.join('; ')})` : ''}\n`;
}
