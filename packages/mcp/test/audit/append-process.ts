// Appends records to an audit log, for tests of several processes at one file: <path> <id> <records> [<bytes of a file>]
import { AuditLog } from '../../src/audit/audit-log.ts';

const [path = '', id = '', records = '0', maxFileBytes] = process.argv.slice(2);
const trouble: string[] = [];
const log = new AuditLog({
  path,
  flushMs: 1,
  maxFileBytes: maxFileBytes === undefined ? undefined : Number(maxFileBytes),
  maxFiles: 100,
  onTrouble: (error) => void trouble.push(error instanceof Error ? error.message : 'over'),
});
for (let index = 0; index < Number(records); index += 1) {
  log.event({
    atMs: Date.now(),
    event: 'test',
    name: `${id}-${index}`,
    detail: 'x'.repeat(index % 200),
  });
  if (index % 20 === 0) await log.flush();
}
await log.close();
process.stdout.write(JSON.stringify({ taken: log.taken, lost: log.lost, trouble }));
