import type { Command } from './command.ts';

export const rolloutCheckCommand: Command = {
  name: 'rollout check',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: [
    'config',
    'port',
    'host',
    'url',
    'seconds',
    'baseline',
    'dir',
    'steps',
    'calls',
    'json',
  ],
  summary: 'Say whether the rollout may take its next step',
  details: [
    'Watches the service, or each that a --url names, and compares those with background refresh with those',
    'without, or with a baseline: errors, p95, failed syncs, memory, lists from memory. Says advance (exit code',
    '0), hold (1) or roll back (2), why, and the command. What is not measured never advances; a command line',
    'that cannot be understood is 2 as well. --seconds 0 judges by all since the start.',
  ],
  example:
    'cortex-mcp rollout check --url http://127.0.0.1:3024 --url http://127.0.0.1:3025 --seconds 300',
  run: async (context) => await (await import('./rollout-run.ts')).runRolloutCheck(context),
};

export const rolloutPlanCommand: Command = {
  name: 'rollout plan',
  argumentsUsage: '[instance …]',
  minArguments: 0,
  maxArguments: 1_000,
  options: ['steps', 'json'],
  summary: 'Show the steps of a rollout, and which instances each takes in',
  details: [
    'By their MCP_INSTANCE_ID, which is the host name unless it was set. Asks nothing and changes nothing.',
  ],
  example: 'cortex-mcp rollout plan gateway-a gateway-b gateway-c --steps 1,10,50,100',
  run: async (context) => await (await import('./rollout-run.ts')).runRolloutPlan(context),
};
