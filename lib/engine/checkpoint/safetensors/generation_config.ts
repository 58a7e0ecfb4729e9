import { quoted } from "../../../files/quoted.ts";
/** Keys of generation_config.json that force or forbid tokens: transformers obeys them whatever the caller asks for. */
const FORCING = [
  "forced_bos_token_id",
  "forced_eos_token_id",
  "suppress_tokens",
  "begin_suppress_tokens",
  "bad_words_ids",
  "force_words_ids",
  "sequence_bias",
  "constraints",
  "stop_strings",
  "min_length",
  "min_new_tokens",
  "no_repeat_ngram_size",
  "exponential_decay_length_penalty",
  "guidance_scale",
  "watermarking_config",
] as const;

/**
 * Checks that generation_config.json forces and forbids no tokens. What it says of sampling is advice to whoever samples:
 * here the caller says how.
 *
 * @throws {RangeError} naming the first key that does
 */
export function checkGeneration(generation: Readonly<Record<string, unknown>>): void {
  for (const key of FORCING) {
    const value = generation[key] ?? null;
    const off = value === null || value === 0 || (key === "guidance_scale" && value === 1) ||
      (typeof value === "object" && Object.keys(value).length === 0);
    if (off) continue;
    throw new RangeError(
      `Cannot run this model as generation_config.json's ${key} is ${quoted(value)}: ` +
        "supported is none",
    );
  }
}
