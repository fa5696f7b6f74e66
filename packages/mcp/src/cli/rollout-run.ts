import { setTimeout as delay } from 'node:timers/promises';
import { ROLLOUT_STEPS } from '../config/rollout.ts';
import { findBaseline, readBaseline } from '../proof/baseline-folder.ts';
import { writeFigure } from '../proof/figure.ts';
import { baselineAsCohort, type GateVerdict, judgeRollout } from '../proof/rollout-gate.ts';
import {
  nextStep,
  previousStep,
  ROLL_BACK_COMMAND,
  rolloutPlan,
  stepCommand,
} from '../proof/rollout-plan.ts';
import {
  type CohortFigures,
  cohortFigures,
  type RolloutInstance,
  rolloutInstance,
} from '../proof/rollout-reading.ts';
import { baselineParent } from './baseline-parent.ts';
import { type CommandContext, UsageError } from './command.ts';
import { EXIT_OK, exitCodeOfSignal } from './exit-code.ts';
import { numberOption } from './number-option.ts';
import { readConfig } from './open-service.ts';
import { openRunningService, type RunningService } from './running-service.ts';
import { type Cell, type Colour, createPaint, safeText, table } from './terminal-text.ts';

/** Exit codes of the gate, for scripts. */
const CODES: Readonly<Record<GateVerdict['decision'], number>> = {
  advance: 0,
  hold: 1,
  'roll-back': 2,
};
const COLOURS: Readonly<Record<string, Colour>> = {
  good: 'green',
  advance: 'green',
  hold: 'yellow',
  unknown: 'yellow',
  bad: 'red',
  'roll-back': 'red',
};
const MAX_INSTANCES = 1_000;

/** @throws UsageError */
function stepsOf({ options }: CommandContext): readonly number[] {
  const given = options.text('steps');
  if (given === undefined) return ROLLOUT_STEPS;
  const steps = given.split(',').map(Number);
  const rising = steps.every((step, index) => step > (steps[index - 1] ?? 0) && step <= 100);
  if (rising && steps.every(Number.isInteger) && steps.at(-1) === 100) return steps;
  throw new UsageError('--steps must be whole percentages that rise to 100, such as 1,10,50,100');
}

interface Place {
  readonly url: string;
  readonly service: RunningService;
}

async function placesOf(context: CommandContext): Promise<readonly Place[]> {
  const { io, options } = context;
  const urls = options.all('url');
  const bad = urls.find((url) => !URL.canParse(url));
  if (bad !== undefined) throw new UsageError(`--url ${JSON.stringify(bad)} is no address`);
  if (urls.length > MAX_INSTANCES) {
    throw new UsageError(`at most ${MAX_INSTANCES} instances are compared`);
  }
  if (urls.length === 0) {
    const service = await openRunningService(io, await readConfig(context), undefined);
    return [{ url: 'the service of the configuration', service }];
  }
  return await Promise.all(
    urls.map(async (url) => ({ url, service: await openRunningService(io, undefined, url) })),
  );
}

/** Each instance as two readings show it; with 0 seconds, since its start. */
async function readInstances(
  places: readonly Place[],
  seconds: number,
  signal: AbortSignal,
): Promise<readonly RolloutInstance[]> {
  const before =
    seconds === 0
      ? undefined
      : await Promise.all(places.map(async ({ service }) => service.read()));
  if (seconds > 0) await delay(seconds * 1_000, undefined, { signal });
  const after = await Promise.all(places.map(async ({ service }) => service.read()));
  return places.flatMap(({ url }, index) => {
    const reading = after[index];
    return reading === undefined ? [] : [rolloutInstance(url, before?.[index], reading)];
  });
}

interface Checked extends GateVerdict {
  readonly percent: number | undefined;
  /** What to do now; undefined when there is nothing. */
  readonly command: string | undefined;
  readonly on: CohortFigures | undefined;
  readonly off: CohortFigures | undefined;
}

/** What all instances are set to; undefined when they differ. */
function commonPercent(instances: readonly RolloutInstance[]): number | undefined {
  const [first, ...others] = new Set(instances.map(({ percent }) => percent));
  return others.length === 0 ? first : undefined;
}

function commandFor(
  decision: GateVerdict['decision'],
  percent: number | undefined,
  steps: readonly number[],
): string | undefined {
  if (decision === 'hold') return undefined;
  if (decision === 'roll-back') {
    const back = percent === undefined ? 0 : previousStep(percent, steps);
    return back === 0 ? ROLL_BACK_COMMAND : stepCommand(back);
  }
  const next = percent === undefined ? undefined : nextStep(percent, steps);
  return next === undefined ? undefined : stepCommand(next);
}

/** Without a common percentage there is no next one; what is bad goes back all the same. */
function disagreeing(judged: GateVerdict): GateVerdict {
  if (judged.decision === 'roll-back') return judged;
  const before = judged.decision === 'hold' ? judged.reasons : [];
  const reason = 'the instances do not agree on MCP_ROLLOUT_PERCENT: bring them to one first';
  return { ...judged, decision: 'hold', reasons: [...before, reason] };
}

/** What the command line says of the judgement. Read before the watching: a mistake is not found an hour later. */
interface Measure {
  readonly base: Partial<CohortFigures> | undefined;
  readonly minCalls: number;
  readonly steps: readonly number[];
}

async function measureOf(context: CommandContext): Promise<Measure> {
  const { io, options } = context;
  const given = options.text('baseline');
  const place = { cwd: io.cwd, parent: baselineParent(context) };
  const minCalls = numberOption(context, 'calls', { min: 0, max: 1e9, standard: 100 });
  const steps = stepsOf(context);
  if (given === undefined) return { base: undefined, minCalls, steps };
  const base = baselineAsCohort(await readBaseline(await findBaseline(given, place)));
  return { base, minCalls, steps };
}

function judge(instances: readonly RolloutInstance[], { base, minCalls, steps }: Measure): Checked {
  const on = cohortFigures(instances.filter(({ isOn }) => isOn));
  const off = cohortFigures(instances.filter(({ isOn }) => !isOn));
  const judged = judgeRollout({ on, off: off ?? base, minCalls });
  const percent = commonPercent(instances);
  const verdict = percent === undefined ? disagreeing(judged) : judged;
  const command = commandFor(verdict.decision, percent, steps);
  return { ...verdict, percent, command, on, off };
}

function sideText(side: CohortFigures | undefined): string {
  return side === undefined ? 'none' : `${side.instances.length}, ${side.calls} calls`;
}

function show({ io }: CommandContext, checked: Checked): void {
  const paint = createPaint(io);
  const rows = checked.checks.map(({ figure, unit, on, off, verdict, reason }): Cell[] => [
    { text: figure },
    { text: writeFigure(on, unit), align: 'right' },
    { text: writeFigure(off, unit), align: 'right' },
    { text: verdict, colour: COLOURS[verdict] },
    { text: reason },
  ]);
  io.stdout.write(`with the change: ${sideText(checked.on)}; without: ${sideText(checked.off)}\n`);
  if (rows.length > 0) {
    const style = { paint, columns: io.columns };
    io.stdout.write(table(['FIGURE', 'WITH', 'WITHOUT', 'VERDICT', ''], rows, style));
  }
  const at = checked.percent === undefined ? 'different percentages' : `${checked.percent} %`;
  const decision = paint(COLOURS[checked.decision] ?? 'bold', checked.decision.replace('-', ' '));
  io.stdout.write(`\n${decision}, at ${at}\n`);
  for (const reason of checked.reasons) io.stdout.write(`- ${safeText(reason)}\n`);
  const { command, decision: what } = checked;
  if (command !== undefined) io.stdout.write(`${command}\n`);
  else if (what === 'advance') io.stdout.write('it is everywhere: the rollout is done\n');
}

export async function runRolloutCheck(context: CommandContext): Promise<number> {
  const { io, json } = context;
  const seconds = numberOption(context, 'seconds', { min: 0, max: 86_400, standard: 60 });
  const measure = await measureOf(context);
  const places = await placesOf(context);
  try {
    if (!json && seconds > 0) io.stderr.write(`watching for ${seconds} s\n`);
    const checked = judge(await readInstances(places, seconds, io.signal), measure);
    if (json) io.stdout.write(`${JSON.stringify(checked, undefined, 2)}\n`);
    else show(context, checked);
    return CODES[checked.decision];
  } catch (error) {
    if (io.signal.aborted) return exitCodeOfSignal(io.signal.reason);
    throw error;
  } finally {
    await Promise.all(places.map(async ({ service }) => service.close()));
  }
}

export async function runRolloutPlan(context: CommandContext): Promise<number> {
  const { io, json, args } = context;
  const steps = rolloutPlan(stepsOf(context), args);
  if (json) {
    io.stdout.write(`${JSON.stringify({ steps, rollBack: ROLL_BACK_COMMAND }, undefined, 2)}\n`);
    return EXIT_OK;
  }
  const rows = steps.map(({ week, percent, what, gate, instances }): Cell[] => [
    { text: String(week), align: 'right' },
    { text: `${percent} %`, align: 'right' },
    { text: args.length === 0 ? '-' : `${instances.length} of ${args.length}` },
    { text: `${what}; then: ${gate}` },
  ]);
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(['WEEK', 'SHARE', 'INSTANCES', 'WHAT'], rows, style));
  for (const { percent, command, instances } of steps) {
    const who = instances.length === 0 ? '' : `  # on: ${safeText(instances.join(' '))}`;
    io.stdout.write(`\n${String(percent).padStart(3)} %  ${command}${who}`);
  }
  io.stdout.write(`\nback   ${ROLL_BACK_COMMAND}\n`);
  return EXIT_OK;
}
