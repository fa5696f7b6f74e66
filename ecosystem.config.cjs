// pm2 is the operator's tool; nothing here depends on it. Build first: npm run build. See docs/deployment.md.
// Without a gap:                  pm2 reload cortex-mcp
// Change an environment variable: pm2 reload cortex-mcp --update-env
//
// In cluster mode the workers run on the Node that runs pm2 itself: start pm2 with a supported one, e.g.
// node_modules/node/bin/node "$(command -v pm2)" start ecosystem.config.cjs
module.exports = {
  apps: [
    {
      name: 'cortex-mcp',
      cwd: __dirname,
      script: 'packages/mcp/bin/cortex-mcp.js',
      args: 'serve',
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
