import {
  examineRegistry,
  repairRegistry,
  type DoctorReport,
  type Finding,
} from '@cortex-os/mcp-registry';
import type { CliIo } from './cli-io.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { chance, locateRegistry } from './registry-location.ts';
import { type Colour, createPaint, safeText } from './terminal-text.ts';

const COLOURS: Readonly<Record<Finding['level'], Colour>> = {
  note: 'dim',
  warning: 'yellow',
  error: 'red',
};

function show(io: CliIo, report: DoctorReport): void {
  const paint = createPaint(io);
  const { path, content, findings } = report;
  const held =
    content === undefined
      ? 'its servers cannot be read'
      : `${content.records} servers, generation ${content.generation}`;
  io.stdout.write(`${safeText(path)}: ${held}\n`);
  for (const { level, code, path: where, message, remedy } of findings) {
    const head = `${paint(COLOURS[level], level)} ${code}: ${safeText(where)}`;
    io.stdout.write(`${head}\n  ${safeText(message)}\n  ${safeText(remedy)}\n`);
  }
  io.stdout.write(report.healthy ? 'healthy\n' : 'not healthy\n');
}

async function doctor({ io, json, options }: CommandContext): Promise<number> {
  const { path } = locateRegistry(io);
  const parts = { path, random: chance };
  if (!options.has('repair')) {
    const report = await examineRegistry(parts);
    if (json) io.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    else show(io, report);
    return report.healthy ? EXIT_OK : EXIT_FAILED;
  }
  const { before, actions, after } = await repairRegistry(parts);
  if (json) {
    io.stdout.write(`${JSON.stringify({ before, actions, after }, undefined, 2)}\n`);
  } else {
    for (const action of actions) io.stdout.write(`${safeText(action)}\n`);
    if (actions.length === 0) io.stdout.write('nothing to repair\n');
    show(io, after);
  }
  return after.healthy ? EXIT_OK : EXIT_FAILED;
}

export const registryDoctorCommand: Command = {
  name: 'registry doctor',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['repair', 'json'],
  summary: 'Check the folder of the registry, explain and repair it',
  details: [
    'Looks at modes and owners, the lock and its holder, snapshot and journal, the generation kept before,',
    'quarantine, leftovers and free space. Exit code 1 when something is wrong. A repair needs the gateway',
    'to be stopped and never deletes a byte: what cannot be used is moved into quarantine/.',
  ],
  example: 'cortex-mcp registry doctor --repair',
  run: doctor,
};
