/** Programs that are Node, or a script that Node runs and that starts Node. */
const NODE = /^(?:node(?:js)?(?:-?\d+)?|npx|npm|pnpm|pnpx|yarn|yarnpkg|tsx|ts-node)$/;
const SCRIPT = /\.[cm]?[jt]s$/;
/** Programs that start what their arguments name, with their own environment. */
const STARTERS: ReadonlySet<string> = new Set([
  'chrt',
  'cmd',
  'env',
  'ionice',
  'nice',
  'nohup',
  'prlimit',
  'setsid',
  'systemd-run',
  'taskset',
  'timeout',
]);

/** The name of a program: without its folder, and without the endings of Windows. */
function nameOf(program: string): string {
  const file = program.toLowerCase().replace(/^.*[/\\]/s, '');
  return file.replace(/\.(?:exe|cmd|bat|ps1)$/, '');
}

/** Whether a command is Node, as far as its name tells: what `NODE_OPTIONS` says reaches it. */
export function isNodeProgram(command: string, args: readonly string[]): boolean {
  const name = nameOf(command);
  if (NODE.test(name) || SCRIPT.test(name)) return true;
  return STARTERS.has(name) && args.some((word) => NODE.test(nameOf(word)));
}
