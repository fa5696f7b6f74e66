import type { Command } from './command.ts';

const common = { argumentsUsage: '', minArguments: 0, maxArguments: 0 } as const;

export const baselineCollectCommand: Command = {
  ...common,
  name: 'baseline collect',
  options: [
    'config',
    'port',
    'host',
    'url',
    'label',
    'dir',
    'seconds',
    'probe',
    'args',
    'rate',
    'bench',
    'keep',
    'json',
  ],
  summary: 'Measure a running service, and keep it in a dated folder',
  details: [
    'Rates, latency, errors and memory by connector, heap by space, pauses, event loop, control group, huge',
    'pages, systemd units, flags and versions, read from the service and the system for a while. What cannot',
    'be read is unknown. --probe calls a tool meanwhile: without --rate as fast as eight at a time go, which',
    'measures throughput, with --rate so many times a second, which measures latency. --keep removes the oldest',
    'of the same label, but none that holds a file named reference.',
  ],
  example: `cortex-mcp baseline collect --label before --probe everything__echo --args '{"message":"x"}' --rate 50`,
  run: async (context) => await (await import('./baseline-collect.ts')).runBaselineCollect(context),
};

const two = { argumentsUsage: '<before> <after>', minArguments: 2, maxArguments: 2 } as const;

export const baselineDiffCommand: Command = {
  ...two,
  name: 'baseline diff',
  options: ['dir', 'threshold', 'json'],
  summary: 'Compare two baselines, figure by figure',
  details: [
    'Folders, or their names as baseline list shows them. Exit code 1 when a figure got worse by more than the',
    'threshold and the noise of both, when one that was measured before is not any more, or when a budget is',
    'broken. Take both in the same way, with the same probe.',
  ],
  example: 'cortex-mcp baseline diff 2026-11-21-before 2026-11-22-after --threshold 0.10',
  run: async (context) => await (await import('./baseline-compare.ts')).runBaselineDiff(context),
};

export const baselineReportCommand: Command = {
  ...two,
  name: 'baseline report',
  options: ['dir', 'threshold', 'out', 'json'],
  summary: 'Write what two baselines say as a report with gates',
  details: [
    'Memory, latency, throughput, issues, recommendations, and each gate as passed, failed or unknown with its',
    'figures, in Markdown. Exit code 1 when a gate failed.',
  ],
  example: 'cortex-mcp baseline report 2026-11-21-before 2026-11-22-after -o priority1-analysis.md',
  run: async (context) => await (await import('./baseline-compare.ts')).runBaselineReport(context),
};

export const baselineListCommand: Command = {
  ...common,
  name: 'baseline list',
  options: ['dir', 'json'],
  summary: 'List the baselines that are kept',
  details: ['Oldest first, with what makes one unusable.'],
  example: 'cortex-mcp baseline list --json',
  run: async (context) => await (await import('./baseline-compare.ts')).runBaselineList(context),
};
