import { type Check, type DoctorContext, finding } from './doctor-finding.ts';
import { sumOf } from './exposition.ts';

/** Addresses that are asked for the time. */
const MAX_ASKED = 4;
const ASK_MS = 3_000;
/** `Date` has whole seconds, and the way there takes time. */
const SKEW_WARN_S = 5;
/** Tokens and signed maps allow about a minute. */
const SKEW_FAIL_S = 60;
/** The start of the machine is told in whole seconds. */
const STEP_WARN_S = 5;
/** Of the figures in `/proc`, on every architecture Node runs on. */
const TICKS_PER_S = 100;

/** Origins of HTTP connectors, without those that would need a secret to be named. */
function originsOf({ config }: DoctorContext): readonly string[] {
  if (config.kind !== 'loaded') return [];
  const origins = config.connectors.flatMap(({ enabled, transport }) => {
    if (!enabled || transport === undefined || !('url' in transport)) return [];
    if (transport.lateUrl !== undefined) return [];
    return [new URL(transport.url).origin];
  });
  return [...new Set(origins)].slice(0, MAX_ASKED);
}

/** How far our clock is ahead of a server's, in seconds; undefined when it does not say. */
async function aheadOf(origin: string): Promise<number | undefined> {
  try {
    const startedAtMs = Date.now();
    const signal = AbortSignal.timeout(ASK_MS);
    const response = await fetch(origin, { method: 'HEAD', redirect: 'manual', signal });
    const date = Date.parse(response.headers.get('date') ?? '');
    if (Number.isNaN(date)) return undefined;
    const oursMs = (startedAtMs + Date.now()) / 2;
    // On average half a second was cut off.
    return (oursMs - date - 500) / 1_000;
  } catch {
    return undefined; // it does not answer: another check says so
  }
}

/** Against the clocks of the servers it speaks with; the middle one of what they say. */
export const checkClock: Check = async (context) => {
  const why = 'Tokens, keys and signed maps are good until a time of the wall clock.';
  const asked = await Promise.all(originsOf(context).map(aheadOf));
  const known = asked.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  const skew = known[Math.floor(known.length / 2)];
  if (skew === undefined) {
    return [
      finding('clock', 'unknown', { finding: 'no HTTP connector says what time it is', why }),
    ];
  }
  const off = Math.abs(skew);
  const severity = off > SKEW_FAIL_S ? 'fail' : off > SKEW_WARN_S ? 'warn' : 'ok';
  const way = skew > 0 ? 'ahead of' : 'behind';
  return [
    finding('clock', severity, {
      finding: `${off.toFixed(1)} s ${way} ${known.length} servers`,
      why,
      fix: 'let the machine keep its time: timedatectl set-ntp true',
    }),
  ];
};

/** When the process was started by today's clock, against what the clock said then. */
export const checkClockStep: Check = async ({ files, pid, service }) => {
  const why = 'A wall clock that was set while it runs makes kept ages and log times wrong.';
  const recordedS = service && sumOf(service.metrics, 'process_start_time_seconds');
  const [stat, machine] = await Promise.all([
    files.text(`/proc/${pid}/stat`),
    files.text('/proc/stat'),
  ]);
  const bootS = Number(/^btime (\d+)$/m.exec(machine ?? '')?.[1]);
  const ticks = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const stepS = bootS + ticks / TICKS_PER_S - (recordedS ?? NaN);
  if (Number.isNaN(stepS)) {
    return [
      finding('clock-step', 'unknown', { finding: 'no service that could be compared', why }),
    ];
  }
  const isSet = Math.abs(stepS) > STEP_WARN_S;
  return [
    finding('clock-step', isSet ? 'warn' : 'ok', {
      finding: isSet
        ? `the clock was set by ${Math.round(stepS)} s since the service began`
        : 'the clock was not set since the service began',
      why,
      fix: 'restart the service once the clock is right',
    }),
  ];
};

export const checkTimeZone: Check = async ({ env }) => {
  const why = 'Times in logs and answers are UTC; those of the terminal are not.';
  const given = env['TZ'];
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isWrong = given !== undefined && given !== '' && !isZone(given.replace(/^:/, ''));
  return await Promise.resolve([
    finding('time-zone', isWrong ? 'warn' : 'ok', {
      finding: isWrong ? `TZ=${given} is no time zone, ${zone} is used` : zone,
      why,
      fix: 'TZ=UTC, or a name such as Europe/Berlin',
    }),
  ]);
};

function isZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // a RangeError says that there is no such zone
  }
}
