// As the packed program ends: the channel to the primary of a cluster would keep the process otherwise.
import { main } from '../../src/cli/main.ts';

process.exit(await main(process.argv.slice(2)));
