import type { CliIo } from './cli-io.ts';

/**
 * Tells whoever started the program that it serves: pm2 by a message, systemd (`Type=notify`) by its own program,
 * since Node has no datagrams of the file system. Does not wait; one that does not listen is no error.
 */
export function announceReady({ env, notifyParent }: Pick<CliIo, 'env' | 'notifyParent'>): void {
  notifyParent?.('ready');
  const { NOTIFY_SOCKET: socket, PATH } = env;
  if (socket === undefined || socket === '') return;
  // Only systemd needs it, and loading it takes time that every start would have.
  const { execFile } = process.getBuiltinModule('node:child_process');
  const told = execFile(
    'systemd-notify',
    ['--ready', `--pid=${process.pid}`],
    { env: { NOTIFY_SOCKET: socket, PATH } },
    // Without that program systemd waits for its TimeoutStartSec and says so itself.
    () => undefined,
  );
  told.unref();
}
