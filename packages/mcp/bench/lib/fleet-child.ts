// The other side of fleet-process.ts: real servers, away from the process that is measured.
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import type { FleetAnswer, FleetCommand } from './fleet-protocol.ts';

const fleet: HttpUpstream[] = [];

async function answer(command: FleetCommand): Promise<FleetAnswer> {
  switch (command.kind) {
    case 'start': {
      for (const { count, ...options } of command.groups) {
        const started = Array.from({ length: count }, async () => await startUpstream(options));
        fleet.push(...(await Promise.all(started)));
      }
      return { kind: 'started', urls: fleet.map(({ url }) => url) };
    }
    case 'counts':
      return { kind: 'counts', counts: fleet.map(({ counts }) => counts) };
    case 'faults': {
      const chosen = new Set(command.at);
      fleet.forEach((upstream, index) => {
        upstream.setFaults(chosen.has(index) ? command.faults : []);
      });
      return { kind: 'done' };
    }
    default:
      throw new TypeError('there is no such command');
  }
}

process.on('message', (command: FleetCommand) => {
  void answer(command).then((reply) => process.connected && process.send?.(reply));
});
process.on('disconnect', () => process.exit());
