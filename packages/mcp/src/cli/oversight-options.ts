import type { LoadedConfig } from '../config/config.ts';
import type { ServiceOptions } from '../service/service.ts';

/** What a service is told of its audit log and pins. A command that ends records what it calls, too. */
export function oversightOptions({
  oversight,
  stateFolder,
}: Pick<LoadedConfig, 'oversight' | 'stateFolder'>): Pick<ServiceOptions, 'audit' | 'pins'> {
  const folder = stateFolder.value;
  const audit = oversight['audit.enabled'].value
    ? {
        stateFolder: folder,
        required: oversight['audit.required'].value,
        maxFileBytes: oversight['audit.maxFileBytes'].value,
        maxFiles: oversight['audit.maxFiles'].value,
      }
    : undefined;
  const pins = {
    stateFolder: folder,
    mode: oversight['pins.mode'].value,
    firstUse: oversight['pins.firstUse'].value,
    oddText: oversight.oddText.value,
  };
  return { audit, pins };
}
