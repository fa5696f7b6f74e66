// pm2 is the operator's tool; nothing here depends on it. Build first: npm run build.
// Change an environment variable, then: pm2 restart cortex-mcp --update-env
module.exports = {
  apps: [
    {
      name: 'cortex-mcp',
      cwd: __dirname,
      script: 'packages/mcp/bin/cortex-mcp.js',
      args: 'serve',
      interpreter: 'node_modules/node/bin/node',
      // One process owns the state folder.
      exec_mode: 'fork',
      instances: 1,
      // pm2's own module would keep the process alive after it has closed everything.
      pmx: false,
      // Longer than the drain: pm2 kills after this many milliseconds.
      kill_timeout: 20_000,
      // Give up on a service that cannot start, e.g. because of its configuration.
      min_uptime: 5_000,
      max_restarts: 5,
      exp_backoff_restart_delay: 200,
    },
  ],
};
