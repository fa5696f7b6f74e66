import type { SyncOutcome, SyncReport } from '../connectors/sync-report.ts';
import type { CliIo } from './cli-io.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { readConfig, withService } from './open-service.ts';
import { remedyLines } from './remedy-lines.ts';
import { progressContext, withProgress } from './progress.ts';
import { type Cell, createPaint, formatMs, safeText, table } from './terminal-text.ts';

const DASH: Cell = { text: '-', align: 'right' };

function row(outcome: SyncOutcome): Cell[] {
  if (!('durationMs' in outcome)) {
    return [{ text: outcome.id }, { text: outcome.kind, colour: 'dim' }];
  }
  const time: Cell = { text: formatMs(outcome.durationMs), align: 'right' };
  if (outcome.kind === 'failed') {
    const reason = safeText(`${outcome.phase}: ${outcome.message} (${outcome.code})`);
    const result: Cell = { text: 'failed', colour: 'red' };
    return [{ text: outcome.id }, result, { text: '-' }, DASH, DASH, DASH, time, { text: reason }];
  }
  const counts = [outcome.tools, outcome.prompts, outcome.resources];
  return [
    { text: outcome.id },
    { text: outcome.kind, colour: 'green' },
    { text: outcome.era },
    ...counts.map((count): Cell => ({ text: String(count), align: 'right' })),
    time,
    { text: safeText(outcome.warnings.join('; ')) },
  ];
}

function showReport(io: CliIo, report: SyncReport): void {
  const headings = ['CONNECTOR', 'RESULT', 'ERA', 'TOOLS', 'PROMPTS', 'RESOURCES', 'TIME', ''];
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(headings, report.outcomes.map(row), style));
  const failed = report.outcomes.filter((outcome) => outcome.kind === 'failed');
  const total = report.outcomes.length;
  io.stdout.write(
    `${total} ${total === 1 ? 'connector' : 'connectors'}, ${failed.length} failed, ${formatMs(report.durationMs)}\n`,
  );
  io.stdout.write(remedyLines(failed));
}

async function sync(given: CommandContext): Promise<number> {
  const progress = progressContext(given);
  const { context } = progress;
  const config = await readConfig(context);
  const { connectors } = config;
  return await withService(context, { config, connectors }, async (service) => {
    const { manager } = service;
    const report = await withProgress(manager, progress, async () => await manager.sync(true));
    if (context.io.signal.aborted) return EXIT_FAILED;
    if (context.json) context.io.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    else showReport(context.io, report);
    return report.outcomes.some((outcome) => outcome.kind === 'failed') ? EXIT_FAILED : EXIT_OK;
  });
}

export const syncCommand: Command = {
  name: 'sync',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'json'],
  summary: 'Connect to every connector once and report',
  details: [
    'One pass over all connectors, side by side. Exit code 1 when one of them failed; the report names',
    'the phase (config, spawn, connect, handshake, list), the cause and what to do.',
  ],
  example: 'cortex-mcp sync --json',
  run: sync,
};
