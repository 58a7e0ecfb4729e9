import { UsageError } from "./cli.ts";

/** Units of storage: powers of 1000, and those of 1024 with an i. */
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Reads `8MB`, `512KB`, `1.5 MiB` or plain bytes; anything else is a usage error that names the flag. */
export function byteSize(flag: string, text: string): number {
  const [, digits, letters] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const unit = Object.keys(UNITS).find((name) => name.toLowerCase() === (letters || "B").toLowerCase());
  const bytes = Math.floor(Number(digits) * UNITS[unit ?? ""]);
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError(
    `Cannot use --${flag} ${text} as it must be a size of at least 1 byte: write it like 8MB or 512KiB`,
  );
}
