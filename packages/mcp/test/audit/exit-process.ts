// Records some events and ends in the same turn; says what the log says is lost.
import { writeSync } from 'node:fs';
import { AuditLog } from '../../src/audit/audit-log.ts';

const [path = '', how] = process.argv.slice(2);
const log = new AuditLog({ path, onLost: (lost) => void writeSync(1, `lost ${lost}\n`) });
if (how === 'later') {
  log.event({ atMs: Date.now(), event: 'test', name: 'before' });
  await log.flush();
}
for (let n = 0; n < 20; n += 1) log.event({ atMs: Date.now(), event: 'test', name: `n${n}` });
process.exit(0);
