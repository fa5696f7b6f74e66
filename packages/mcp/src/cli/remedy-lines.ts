import { safeText } from './terminal-text.ts';

/** A failure that may say what to do about it. */
export interface RemediedFailure {
  readonly id: string;
  readonly code: string;
  readonly remedy?: string;
}

/** Names on one line; more are counted. */
const MAX_NAMED = 5;

function named(ids: readonly string[]): string {
  const more = ids.length - MAX_NAMED;
  return ids.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** One line for each code with connectors, what to do, and where more is said; empty when there is nothing to say. */
export function remedyLines(failures: readonly RemediedFailure[]): string {
  const byCode = Map.groupBy(
    failures.filter(({ remedy }) => remedy !== undefined),
    ({ code }) => code,
  );
  const lines = [...byCode].map(([code, same]) => {
    const who = named(same.map(({ id }) => id));
    return `${safeText(`${who}: ${same[0]?.remedy ?? ''} (cortex-mcp explain ${code})`)}\n`;
  });
  return lines.join('');
}
