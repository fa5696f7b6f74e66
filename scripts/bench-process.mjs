/** Runs one bench in a process of its own, which is ended with all it has started when its time is over. */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** Parent of every process, where there is a /proc. */
function parents() {
  const found = new Map();
  let names = [];
  try {
    names = readdirSync('/proc');
  } catch {
    // Not this system: the group is all there is.
  }
  for (const name of names.filter((one) => /^\d+$/u.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The name of a program is in brackets and may hold any.
      found.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has just ended.
    }
  }
  return found;
}

/** Everything it has started, all generations; some are in groups of their own. */
function descendants(pid) {
  const all = [...parents()];
  const family = [pid];
  for (const parent of family)
    family.push(...all.flatMap(([one, of]) => (of === parent ? one : [])));
  return family.slice(1);
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function endAll(pid) {
  const started = descendants(pid);
  // The group as well: those in it whose parent has ended belong to nobody else.
  kill(-pid);
  for (const one of started) kill(one);
}

/**
 * @param command what to run, its arguments, `cwd` and `env`.
 * @param limitMs how long it may take.
 * @param ended an AbortSignal that ends it before.
 * @returns why it failed, undefined when it did not, and how many seconds it took.
 */
export async function runBench({ command, args, cwd, env }, limitMs, ended) {
  const startedAt = performance.now();
  const child = spawn(command, args, { cwd, env, stdio: 'inherit', detached: true });
  let stopped;
  const stop = (why) => {
    stopped ??= why;
    if (child.pid !== undefined) endAll(child.pid);
  };
  const late = setTimeout(() => {
    stop(`did not end within ${limitMs / 1_000} s`);
  }, limitMs);
  const onEnd = () => stop('was stopped');
  ended.addEventListener('abort', onEnd);
  const failed = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      resolve(code === 0 ? undefined : `failed with ${code ?? signal}`);
    });
  });
  clearTimeout(late);
  ended.removeEventListener('abort', onEnd);
  return { failed: stopped ?? failed, seconds: (performance.now() - startedAt) / 1_000 };
}
