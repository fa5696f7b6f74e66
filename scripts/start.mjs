/**
 * `npm start`: installs and builds what is missing, then serves the default example in the foreground.
 * Arguments after `--` go to the command line: `npm start -- --port 4000`.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { lifeline, startEverythingHttp } from './everything-http.mjs';
import { install } from './install.mjs';
import {
  cli,
  endRunningCommandsOnSignal,
  formatSeconds,
  print,
  printOutput,
  root,
  run,
  signalExitCode,
  workspaceEnv,
  workspaceNode,
} from './workspace.mjs';

/** Ctrl-C reaches this script twice, from the terminal and from npm: both count as one within this time. */
const sameKeyPressMs = 300;

async function phase(name, work) {
  const result = await work();
  if (result.code !== 0) {
    print(`${name} failed after ${formatSeconds(result.seconds)}:`);
    printOutput(result.output);
    process.exit(1);
  }
  if (!result.skipped) print(`${name}: ${formatSeconds(result.seconds)}`);
}

/** Where the example's memory server keeps its file: beside the service's own state. */
function exampleState() {
  const { CORTEX_HOME, XDG_CONFIG_HOME } = process.env;
  const base = CORTEX_HOME || join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'cortex-os');
  const folder = join(base, 'mcp', 'example');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function exampleUpstream() {
  try {
    return await startEverythingHttp();
  } catch (error) {
    // One upstream less; the service shows it as unavailable and serves the others.
    print(`the example's HTTP server did not start: ${error.message}`);
    return undefined;
  }
}

function forwardSignals(child) {
  let lastAt = -Infinity;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - lastAt < sameKeyPressMs) return;
      lastAt = now;
      child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    });
  }
}

async function serve(args, upstream) {
  const env = workspaceEnv({ EXAMPLE_STATE: exampleState() });
  if (upstream) env.EVERYTHING_URL = upstream.url;
  const config = join(root, 'examples', 'default', 'cortex-mcp.json');
  // A process group of its own, so that a Ctrl-C arrives once: by forwardSignals.
  const child = spawn(workspaceNode, [lifeline, cli, 'serve', '--config', config, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  forwardSignals(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signalExitCode(signal)));
  });
}

const keepDefaultSignals = endRunningCommandsOnSignal();
await phase('install', install);
await phase('build', () => run('turbo', ['run', 'build', '--filter=@cortex-os/mcp...']));
const upstream = await exampleUpstream();
keepDefaultSignals();
try {
  process.exitCode = await serve(process.argv.slice(2), upstream);
} finally {
  upstream?.close();
}
