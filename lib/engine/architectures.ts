import type { Architecture } from "./checkpoint.ts";

/** The architectures that can be read and run. */
export const ARCHITECTURES: readonly Architecture[] = ["llama", "qwen2"];

/** Throws a RangeError that names what is supported unless `name` is. */
export function checkArchitecture(name: string | undefined): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture === name);
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot run the architecture ${name ?? "(none named)"}: the supported ones are ${ARCHITECTURES.join(" and ")}`,
  );
}
