// Runs the program from its sources, as the packed one does from what was built.
import { main } from '../../src/cli/main.ts';

process.exitCode = await main(process.argv.slice(2));
