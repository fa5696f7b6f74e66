// pm2 is the operator's tool; nothing here depends on it. Build first: npm run build. See docs/deployment.md.
// Without a gap:                  pm2 reload cortex-mcp
// Change an environment variable: pm2 reload cortex-mcp --update-env
//
// In cluster mode the workers run on the Node that runs pm2 itself: start pm2 with a supported one, e.g.
// node_modules/node/bin/node "$(command -v pm2)" start ecosystem.config.cjs
//
// Memory tiers (docs/performance-tuning.md), read when pm2 reads this file; unset: Node's own sizes, no limit.
//   MCP_SEMI_SPACE_MB=16|32|64  MCP_HEAP_MB=700  MCP_MAX_MEMORY=1000M
// LD_PRELOAD must be set where the daemon of pm2 is started: workers of a cluster are forked with its environment.
const { MCP_SEMI_SPACE_MB, MCP_HEAP_MB, MCP_MAX_MEMORY } = process.env;
const nodeArgs = [
  ...(MCP_SEMI_SPACE_MB ? [`--max-semi-space-size=${MCP_SEMI_SPACE_MB}`] : []),
  ...(MCP_HEAP_MB ? [`--max-old-space-size=${MCP_HEAP_MB}`] : []),
];

module.exports = {
  apps: [
    {
      name: 'cortex-mcp',
      cwd: __dirname,
      script: 'packages/mcp/bin/cortex-mcp.js',
      args: 'serve',
      ...(nodeArgs.length > 0 && { node_args: nodeArgs }),
      // A reload, without a gap, when the worker holds more; its processes are not counted.
      ...(MCP_MAX_MEMORY && { max_memory_restart: MCP_MAX_MEMORY }),
      // Old and new worker share the port while one takes over from the other; fork mode would leave a gap.
      exec_mode: 'cluster',
      // One worker owns the state folder; others would serve, but not write.
      instances: 1,
      // The new worker says when it serves; until then, and at most so long, the old one goes on alone.
      wait_ready: true,
      listen_timeout: 30_000,
      // Longer than drainLameDuckMs and drainMaxMs together: pm2 kills after this many milliseconds.
      kill_timeout: 330_000,
      // The service ends its children itself, after their calls.
      treekill: false,
      // pm2's own module would keep the process alive after it has closed everything.
      pmx: false,
      // Give up on a service that cannot start, e.g. because of its configuration.
      min_uptime: 5_000,
      max_restarts: 5,
      exp_backoff_restart_delay: 200,
    },
  ],
};
