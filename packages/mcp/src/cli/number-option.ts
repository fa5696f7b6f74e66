import { type CommandContext, UsageError } from './command.ts';
import type { OptionName } from './command-option.ts';

/** A number that an option was given, within bounds; the standard when it was not given. @throws UsageError */
export function numberOption(
  { options }: Pick<CommandContext, 'options'>,
  name: OptionName,
  range: { readonly min: number; readonly max: number; readonly standard: number },
): number {
  const given = options.text(name);
  if (given === undefined) return range.standard;
  const value = Number(given);
  if (given.trim() !== '' && value >= range.min && value <= range.max) return value;
  throw new UsageError(
    `--${name} must be a number from ${range.min} to ${range.max}, not ${given}`,
  );
}
