import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import process, { argv, env, pid, stdin, stdout } from 'node:process';
import { runStdioServer } from './stdio/run-stdio-server.ts';

const HEARTBEAT_MS = 60_000;
/** Long enough for a process with nothing left to do to be gone. */
const STAYING_MS = 50;
const STDOUT = 1;

function sayStaying(): void {
  process.stderr.write('testkit: staying without stdin\n');
}

const [, , configPath] = argv;
if (configPath === undefined) {
  process.stderr.write('usage: stdio-server <config file>\n');
  process.exit(2);
}

await runStdioServer(configPath, {
  pid,
  stdin,
  stdout,
  // The `env` tool shows what environment a process was given.
  readEnv: (name) => env[name],
  closeStdout: () => closeSync(STDOUT),
  crash({ at, exitCode = 1, signal }) {
    process.stderr.write(`testkit: crashing on purpose (${at})\n`);
    if (signal === undefined) process.exit(exitCode);
    process.kill(pid, signal);
  },
  ignoreSigterm: () => process.on('SIGTERM', () => undefined),
  stayAlive() {
    setInterval(() => undefined, HEARTBEAT_MS);
    stdin.once('end', () => {
      setTimeout(sayStaying, STAYING_MS).unref();
    });
  },
  startChild: () =>
    spawn(process.execPath, ['-e', `setInterval(() => {}, ${HEARTBEAT_MS})`], { stdio: 'ignore' })
      .pid,
});
