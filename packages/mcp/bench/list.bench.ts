import { listPlace } from './lib/call-rows.ts';
import { compareLoad, type Candidate } from './lib/compare-load.ts';
import { listBytes } from './lib/list-bytes.ts';
import { loadTable, ratioTarget, type ComparedRow } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import type { WireEra } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import { startRawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { startSubject } from './lib/subject.ts';

/** As many as a connector may offer. */
const TOOLS_EACH = 1_000;
const TOTALS = [1_000, 10_000] as const;
const IN_FLIGHT = [1, 8] as const;
const ERAS: readonly WireEra[] = ['modern', 'legacy'];

interface Measuring {
  readonly load: RawLoad;
  readonly quick: boolean;
}

async function measureTotal(
  total: number,
  { load, quick }: Measuring,
): Promise<readonly ComparedRow[]> {
  const count = total / TOOLS_EACH;
  await using servers = await startRawServers({
    era: 'modern',
    count,
    tools: ['r512'],
    listed: TOOLS_EACH - 1,
  });
  const connectors = connectorsOf(servers.urls);
  await using ours = await startSubject({ kind: 'ours', connectors, settings: {} });
  await using serialised = await startSubject({
    kind: 'ours',
    connectors,
    settings: { listPrebuilt: false },
  });
  const pace = quick
    ? { rounds: 1, durationMs: 60, warmUpMs: 0 }
    : { rounds: 4, durationMs: 350, warmUpMs: 1_000 };
  const rows: ComparedRow[] = [];
  for (const era of quick ? ERAS.slice(0, 1) : ERAS) {
    const plainBytes = await listBytes(ours.url, era);
    await using bytes = await startSubject(plainBytes);
    for (const inFlight of quick ? [2] : IN_FLIGHT) {
      const plain: Candidate = {
        name: 'node:http',
        subject: bytes,
        place: listPlace(era, bytes.url, inFlight),
      };
      const candidates: readonly Candidate[] = [
        { name: 'ours', subject: ours, place: listPlace(era, ours.url, inFlight) },
        plain,
        {
          name: 'MCP_LIST_PREBUILT=false',
          subject: serialised,
          place: listPlace(era, serialised.url, inFlight),
        },
      ];
      const size = `${total} tools, ${Math.round(plainBytes.body.length / 1_024)} KB`;
      rows.push({
        name: `${era}, ${size}, ${inFlight} in flight`,
        rounds: await compareLoad({
          load,
          candidates,
          helpers: [servers.pid],
          ...pace,
          close: quick || total > TOTALS[0] ? [] : ['ours', 'node:http'],
        }),
      });
    }
  }
  return rows;
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using load = startRawLoad();
  const rows: ComparedRow[] = [];
  for (const total of quick ? TOTALS.slice(0, 1) : TOTALS) {
    rows.push(...(await measureTotal(total, { load, quick })));
  }
  const { table, readings, paired } = loadTable('lists', rows, 'node:http');
  return {
    method:
      'tools/list, closed loop, subjects in turn as in `call` ' +
      `(${PINNING}). \`node:http\` reads the request and writes the bytes that ours answers, ` +
      'knowing nothing else. Legacy clients are greeted by it, too: connections that begin with a short answer cost both of ' +
      'them more later.',
    tables: [table],
    targets: rows
      .filter(({ name }) => name.includes('1000 tools'))
      .flatMap(({ name }) =>
        ratioTarget(
          `${name}, cpu against node:http`,
          paired(name, 'cpuUs', ['ours', 'node:http']),
          { atMost: 1.3 },
        ),
      ),
    readings,
  };
}

/** What a list costs, beside writing the same bytes; with the path of `MCP_LIST_PREBUILT=false`. */
export const list: Bench = { name: 'list', run };
