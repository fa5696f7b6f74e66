import { join } from 'node:path';

const files = [
  'servers.json',
  'servers.json.next',
  'servers.json.prev',
  'servers.json.prev.next',
  'servers.log',
  'servers.log.next',
  'servers.log.prev.next',
];

/**
 * The command that runs a program and makes its calls on the registry's files (and the folder itself) do what `action`
 * says. Node opens and reads hundreds of other files, which must not count.
 */
export function injected(
  folder: string,
  call: string,
  action: string,
  trace: string = '/dev/null',
): string[] {
  const paths = [folder, ...files.map((name) => join(folder, name))].flatMap((path) => [
    '-P',
    path,
  ]);
  return [
    'strace',
    '-f',
    '-qq',
    '-o',
    trace,
    ...paths,
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:${action}`,
  ];
}
