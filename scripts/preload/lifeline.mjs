/**
 * Loaded before a program that must not outlive the script that started it.
 * The IPC channel closes when the parent ends in any way, kill -9 included; the program then gets a SIGTERM of its own.
 */
if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // The channel alone must not keep the program running.
  process.channel.unref();
}
