import type { Command } from './command.ts';
import { connectorsAddCommand } from './connectors-add.ts';
import {
  connectorsDisableCommand,
  connectorsEnableCommand,
  connectorsRemoveCommand,
} from './connectors.ts';
import { connectorsListCommand } from './connectors-list.ts';
import { registryDoctorCommand } from './registry-doctor.ts';
import { registryExportCommand } from './registry-export.ts';
import { registryImportCommand } from './registry-import.ts';
import { registryServeCommand } from './registry-serve.ts';
import {
  registryAddCommand,
  registryGetCommand,
  registryListCommand,
  registryRemoveCommand,
} from './registry.ts';

/** The commands that need the registry's code, which takes longer to load than all the others together. */
export const REGISTRY_COMMANDS: readonly Command[] = [
  connectorsAddCommand,
  connectorsRemoveCommand,
  connectorsEnableCommand,
  connectorsDisableCommand,
  connectorsListCommand,
  registryListCommand,
  registryGetCommand,
  registryAddCommand,
  registryRemoveCommand,
  registryImportCommand,
  registryExportCommand,
  registryServeCommand,
  registryDoctorCommand,
];
