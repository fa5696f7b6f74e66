import type { SyncReport } from '../connectors/sync-report.ts';
import type { CliIo } from './cli-io.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { readConfig, withService } from './open-service.ts';
import { remedyLines } from './remedy-lines.ts';
import { progressContext, withProgress } from './progress.ts';
import { createPaint, safeText, table } from './terminal-text.ts';

/** Names the connectors whose tools are missing; true when there is nothing but failures. */
export function showFailures(io: CliIo, report: SyncReport): boolean {
  const failed = report.outcomes.filter((outcome) => outcome.kind === 'failed');
  for (const { id, phase, message, code } of failed) {
    io.stderr.write(
      `cortex-mcp: ${id} is unavailable: ${safeText(`${phase}: ${message} (${code})`)}\n`,
    );
  }
  io.stderr.write(remedyLines(failed));
  const synced = report.outcomes.some(
    (outcome) => outcome.kind === 'synced' || outcome.kind === 'unchanged',
  );
  return failed.length > 0 && !synced;
}

async function tools(given: CommandContext): Promise<number> {
  const progress = progressContext(given);
  const { context } = progress;
  const { io } = context;
  const config = await readConfig(context);
  const { connectors } = config;
  return await withService(context, { config, connectors }, async (service) => {
    const { manager } = service;
    const report = await withProgress(manager, progress, async () => await manager.sync(true));
    if (io.signal.aborted) return EXIT_FAILED;
    await service.settled();
    const listed = service.tools();
    if (context.json) {
      io.stdout.write(`${JSON.stringify(listed, undefined, 2)}\n`);
    } else {
      const rows = listed.map((tool) => [
        { text: safeText(tool.name) },
        { text: safeText(tool.description ?? '') },
      ]);
      io.stdout.write(table(['TOOL', ''], rows, { paint: createPaint(io), columns: io.columns }));
    }
    return showFailures(io, report) ? EXIT_FAILED : EXIT_OK;
  });
}

export const toolsCommand: Command = {
  name: 'tools',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'json'],
  summary: 'List the tools of all connectors',
  details: [
    'Names are as clients see them: connector, separator, tool. Connectors that cannot be reached are',
    'named on stderr; exit code 1 when that is all of them.',
  ],
  example: 'cortex-mcp tools --json | head',
  run: tools,
};
