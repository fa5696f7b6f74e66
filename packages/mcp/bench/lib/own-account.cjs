// Preloaded into the program: says what the process has used when it listens, and what it holds when asked by a signal.
const { subscribe } = require('node:diagnostics_channel');
const { writeSync } = require('node:fs');

const DESCRIPTOR = 3;

function say(figures) {
  writeSync(DESCRIPTOR, `${JSON.stringify(figures)}\n`);
}

subscribe('tracing:net.server.listen:asyncEnd', ({ server }) => {
  // Locks are held by listening too, on paths.
  if (typeof server.address() !== 'object') return;
  const { user, system } = process.cpuUsage();
  say({ kind: 'listening', cpuMs: (user + system) / 1000 });
});

process.on('SIGUSR2', () => {
  // Here and not as a flag of the process, with which its compile cache would not fit.
  require('node:v8').setFlagsFromString('--expose-gc');
  const collect = require('node:vm').runInNewContext('gc');
  collect();
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  const spaces = require('node:v8').getHeapSpaceStatistics();
  const young = spaces.find(({ space_name: name }) => name === 'new_space');
  say({
    kind: 'memory',
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    youngBytes: young.physical_space_size,
  });
});
