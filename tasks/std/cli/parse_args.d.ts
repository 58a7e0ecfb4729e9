/** The declaration of `parseArgs` that this repository uses: flags by name, the rest under `_`. */
export function parseArgs(args: readonly string[], options?: {
  boolean?: readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  alias?: Record<string, string>;
  stopEarly?: boolean;
  unknown?: (argument: string, key?: string, value?: unknown) => unknown;
}): { _: (string | number)[]; [flag: string]: unknown };
