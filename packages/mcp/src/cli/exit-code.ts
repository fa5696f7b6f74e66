/** Exit codes, as `cortex-mcp --help` documents them. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
/** The command line or the configuration is wrong, or the port is taken. */
export const EXIT_USAGE = 2;

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** 128 and the signal's number, as shells count it: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOfSignal(name: unknown): number {
  return 128 + (SIGNAL_NUMBERS[String(name)] ?? 15);
}
