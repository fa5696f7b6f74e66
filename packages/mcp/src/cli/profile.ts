import type { Command } from './command.ts';

const common = { argumentsUsage: '', minArguments: 0, maxArguments: 0 } as const;

export const profileCpuCommand: Command = {
  ...common,
  name: 'profile cpu',
  options: ['config', 'port', 'host', 'url', 'pid', 'seconds', 'mode', 'out', 'json'],
  summary: 'See where a running service spends its time',
  details: [
    'Opens the inspector of its process on loopback, samples, and closes it again. Writes a .cpuprofile for',
    'Chrome DevTools or VS Code and a flame graph beside it, and prints the 20 functions that cost most. Linux,',
    'and your own processes, only. --mode fine samples ten times as often. Ctrl-C keeps what there is so far.',
  ],
  example: 'cortex-mcp profile cpu --seconds 30 -o slow.cpuprofile',
  run: async (context) => await (await import('./profile-run.ts')).runProfileCpu(context),
};

export const profileHeapCommand: Command = {
  ...common,
  name: 'profile heap',
  options: ['config', 'port', 'host', 'url', 'pid', 'seconds', 'mode', 'snapshot', 'out', 'json'],
  summary: 'See what takes the memory of a running service',
  details: [
    'Samples what is allocated for a while and prints the 20 functions that hold most of it at the end, or with',
    '--mode allocated have made most; writes a .heapprofile and a flame graph. --snapshot writes the whole heap:',
    'the service stands still meanwhile, and the file holds its secrets.',
  ],
  example: 'cortex-mcp profile heap --seconds 60 --mode live -o heap.heapprofile',
  run: async (context) => await (await import('./profile-run.ts')).runProfileHeap(context),
};
