import type { JSX } from 'preact';
import { formatCount } from '../model/format.ts';
import type { JsonObject } from '../model/json.ts';
import { mapFacts } from '../model/map-facts.ts';
import type { FlagFacts, RolloutFacts } from '../model/overview.ts';
import { Facts, type Fact } from '../parts/facts.tsx';
import { Foreign } from '../parts/foreign.tsx';
import { Mark } from '../parts/marks.tsx';
import { usePage } from '../parts/page-context.ts';
import { useStore } from '../parts/use-store.ts';
import { TableRoom } from '../parts/table-room.tsx';

/** The rollback flags, how far they are rolled out, and the service map that is followed. */
export function FlagsView(): JSX.Element {
  const overview = useStore(usePage().overview);
  return (
    <section aria-labelledby="flags-title">
      <div class="bar">
        <h1 id="flags-title">Flags and rollout</h1>
      </div>
      {overview?.rollout !== undefined && <Rollout rollout={overview.rollout} />}
      <FlagTable flags={overview?.flags ?? []} />
      {overview?.map !== undefined && <MapFacts map={overview.map} />}
    </section>
  );
}

function Rollout({ rollout }: { readonly rollout: RolloutFacts }): JSX.Element {
  const { percent = 0, steps } = rollout;
  return (
    <div class="panel rollout">
      <h2>Rollout</h2>
      <p>
        <b class="big">{formatCount(percent)} %</b> of instances.{' '}
        {rollout.inCohort ? (
          <Mark tone="good" text="This one is in it" />
        ) : (
          <Mark tone="off" text="This one is not in it" />
        )}
      </p>
      <ol class="steps" aria-label="Steps of the rollout">
        {steps.map((step) => (
          <li
            key={step}
            class={step <= percent ? 'done' : ''}
            {...(step === percent && { 'aria-current': 'step' })}
          >
            <span aria-hidden="true">{step <= percent ? '●' : '○'}</span> {step} %
            <span class="hidden">{step <= percent ? ' reached' : ' not yet'}</span>
          </li>
        ))}
      </ol>
      <p class="muted">
        Instance <Foreign text={rollout.instanceId} />
      </p>
    </div>
  );
}

function FlagTable({ flags }: { readonly flags: readonly FlagFacts[] }): JSX.Element {
  return (
    <TableRoom label="Table of flags">
      <table>
        <caption class="hidden">Flags</caption>
        <thead>
          <tr>
            <th scope="col">Flag</th>
            <th scope="col">Value</th>
            <th scope="col" class="wide">
              Default
            </th>
            <th scope="col">Set by</th>
            <th scope="col" class="wide">
              Owner
            </th>
            <th scope="col" class="wide">
              To be removed
            </th>
          </tr>
        </thead>
        <tbody>
          {flags.map((flag) => (
            <tr key={flag.name}>
              <th scope="row">
                <code>{flag.name}</code>
              </th>
              <td>
                {flag.value === flag.standard ? (
                  flag.value
                ) : (
                  <Mark tone="aging" text={flag.value} />
                )}
              </td>
              <td class="wide muted">{flag.standard}</td>
              <td>
                <Foreign text={flag.origin} />
              </td>
              <td class="wide">
                <Foreign text={flag.owner} />
              </td>
              <td class="wide">
                <Foreign text={flag.removal} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableRoom>
  );
}

function MapFacts({ map }: { readonly map: JsonObject }): JSX.Element {
  const facts = mapFacts(map).map(([name, text]): Fact => [name, <Foreign text={text} />]);
  return (
    <div class="panel">
      <h2>Service map</h2>
      <Facts facts={facts} />
    </div>
  );
}
