import { type Check, type DoctorContext, finding, subjectOf } from './doctor-finding.ts';

const WHY_VERSION = 'An earlier Node lacks what the gateway is written with, and gets no fixes.';
const FIX_VERSION = 'install Node 26, or at least 24.15 or 22.22.2';

/** `^22.22.2 || ^24.15.0 || >=26`, as package.json says. */
function isSupported(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major >= 26) return true;
  if (major === 24) return minor >= 15;
  return major === 22 && (minor > 22 || (minor === 22 && patch >= 2));
}

export const checkNodeVersion: Check = async ({ service, nodeVersion }) => {
  const running = service?.node ?? nodeVersion;
  const whose = service === undefined ? 'this Node is' : 'the service runs on Node';
  const severity = isSupported(running) ? 'ok' : 'fail';
  return await Promise.resolve([
    finding('node-version', severity, {
      finding: `${whose} ${running}`,
      why: WHY_VERSION,
      fix: FIX_VERSION,
    }),
  ]);
};

/** Flags that make a gateway slower or open it (conflicts C4, row 15). */
const HARMFUL: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^--inspect/, 'whoever reaches that port runs code in the service'],
  [/^--(?:expose-gc|expose_gc)/, 'collections by hand stop every call under way'],
  [/^--optimize-for-size|^--optimize_for_size/, 'it trades speed for memory on every call'],
  [/^--jitless|^--no-opt/, 'nothing is compiled: calls cost several times as much'],
  [/^--trace-|^--prof|^--cpu-prof|^--heap-prof/, 'it writes without end while it serves'],
  [/^--insecure-http-parser/, 'it lets requests be smuggled'],
];

/** Flags of Node in the order in which they count: `NODE_OPTIONS`, then the command line up to the program. */
export function nodeFlags({ start }: Pick<DoctorContext, 'start'>): readonly string[] {
  const fromEnv = (start?.env?.get('NODE_OPTIONS') ?? '').split(/\s+/);
  const argv = start?.argv.slice(1) ?? [];
  const program = argv.findIndex((word) => !word.startsWith('-'));
  const fromLine = program === -1 ? argv : argv.slice(0, program);
  return [...fromEnv, ...fromLine].filter((word) => word.startsWith('-'));
}

/** The last value of a flag, whichever way its name is written. */
export function flagValue(flags: readonly string[], name: string): number | undefined {
  const values = flags.flatMap((flag) => {
    const [key = '', value = ''] = flag.split('=');
    return key.replaceAll('_', '-') === `--${name}` ? [Number(value)] : [];
  });
  const last = values.at(-1);
  return last === undefined || Number.isNaN(last) ? undefined : last;
}

export const checkNodeFlags: Check = async (context) => {
  const why = 'Flags come from NODE_OPTIONS and whatever starts the service, and stay unseen.';
  const { start } = context;
  if (start === undefined) {
    return [finding('node-flags', 'unknown', { finding: 'its command line is not shown', why })];
  }
  const flags = nodeFlags(context);
  const harmful = flags.flatMap((flag) =>
    HARMFUL.filter(([pattern]) => pattern.test(flag)).map(([, harm]) => `${flag}: ${harm}`),
  );
  const seen = flags.length === 0 ? 'none' : flags.join(' ');
  const hidden = start.env === undefined ? '; its NODE_OPTIONS are another user’s' : '';
  return await Promise.resolve([
    finding('node-flags', harmful.length === 0 ? 'ok' : 'warn', {
      finding: `flags of ${subjectOf(context)}: ${[seen, ...harmful].join('; ')}${hidden}`,
      why,
      fix: 'take them out of NODE_OPTIONS or of what starts the service',
    }),
  ]);
};
