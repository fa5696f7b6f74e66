/**
 * What every script here needs: where things are, and how to run a command quietly.
 * Plain JavaScript without dependencies: these files run on the machine's own Node, before anything is installed.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binFolder = join(root, 'node_modules', '.bin');

/** The Node that runs the repository: a dev dependency, whatever the machine has. */
export const workspaceNode = join(root, 'node_modules', 'node', 'bin', 'node');
export const cli = join(root, 'packages', 'mcp', 'bin', 'cortex-mcp.js');

const maxOutputChars = 2_000_000;
const running = new Set();

/** Environment for commands of the workspace: its own tools first on PATH, no telemetry, no update notices. */
export function workspaceEnv(extra = {}) {
  return {
    ...process.env,
    PATH: `${binFolder}${delimiter}${process.env.PATH ?? ''}`,
    DO_NOT_TRACK: '1',
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    ...extra,
  };
}

/** 128 + signal number, as a shell reports it. */
export function signalExitCode(signal) {
  return 128 + (constants.signals[signal] ?? 0);
}

/**
 * Runs a command in its own process group with its output captured.
 * Never rejects: a command that cannot be started ends with code 127 and the reason as its output.
 */
export async function run(command, args, options = {}) {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: options.env ?? workspaceEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const collect = (chunk) => {
    output = (output + chunk).slice(-maxOutputChars);
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  running.add(child);
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      collect(`${command}: ${error.message}\n`);
      resolve(127);
    });
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signalExitCode(signal)));
  });
  running.delete(child);
  return { code, output, seconds: (performance.now() - startedAt) / 1000 };
}

/** From now on SIGINT, SIGTERM and SIGHUP end the running command's whole group, then this process. */
export function endRunningCommandsOnSignal() {
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const onSignal = () => {
      for (const child of running) killGroup(child, 'SIGTERM');
      process.exit(signalExitCode(signal));
    };
    process.once(signal, onSignal);
    return () => process.off(signal, onSignal);
  });
  return () => {
    for (const off of handlers) off();
  };
}

/** Signals a detached child's process group; a group that is already gone is fine. */
function killGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

export function print(line = '') {
  process.stdout.write(`${line}\n`);
}

/** A command's output for a log: no colours, no lines that run on for pages. */
export function printOutput(output) {
  // What passed is told in hundreds of lines; what failed must not drown in them.
  const lines = stripVTControlCharacters(output)
    .trim()
    .split('\n')
    .filter((line) => !/^\s*✓/u.test(line));
  print(lines.map((line) => (line.length > 500 ? `${line.slice(0, 500)}…` : line)).join('\n'));
}

export function formatSeconds(seconds) {
  return `${seconds.toFixed(1)} s`;
}
