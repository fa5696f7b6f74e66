// Owns a state folder until it is killed.
import { pino } from 'pino';
import { createStateOwner } from '../src/service/state-owner.ts';

const options = { stateFolder: process.argv[2] ?? '', configPath: '/c.json' };
const owner = createStateOwner(options, pino({ level: 'silent' }));
owner.onOwned(() => void process.send?.('owned'));
owner.start();
setInterval(() => undefined, 60_000);
