import type { Tokenizer as Library } from "@huggingface/tokenizers";
import { createFields } from "../../files/fields.ts";
import type { NamedTokens } from "./special_tokens.ts";

/** Ids that a checkpoint puts around a text that is read as it is. */
export interface TextBounds {
  readonly start: readonly number[];
  readonly end: readonly number[];
}

/**
 * The ids around a text: those of tokenizer.json's post-processor, unless tokenizer_config.json says `add_bos_token` or
 * `add_eos_token`.
 *
 * @throws {SyntaxError} if a token is to be added that the tokenizer does not have
 */
export function textBounds(
  library: Library,
  config: Readonly<Record<string, unknown>>,
  named: NamedTokens,
): TextBounds {
  const { start, end } = postProcessed(library);
  const fields = createFields((key) => config[key], "tokenizer_config.json");
  const given = (flag: string, name: "bos_token" | "eos_token", own: readonly number[]) => {
    if (fields.value(flag) === undefined) return own;
    if (!fields.flag(flag, false)) return [];
    const id = named[name] === undefined ? undefined : library.token_to_id(named[name]);
    if (id !== undefined) return [id];
    throw new SyntaxError(`Cannot read the tokenizer as ${flag} is true and ${name} is ${named[name] ?? "absent"}`);
  };
  return { start: given("add_bos_token", "bos_token", start), end: given("add_eos_token", "eos_token", end) };
}

/** A token that no vocabulary has: the post-processor puts around it what it puts around every text. */
const TEXT = "\u{e000}text\u{e001}";

function postProcessed(library: Library): TextBounds {
  const { tokens } = library.post_processor?.post_process([TEXT], null, true) ?? { tokens: [TEXT] };
  const ids = (texts: readonly string[]) => texts.flatMap((text) => library.token_to_id(text) ?? []);
  const at = tokens.indexOf(TEXT);
  return { start: ids(tokens.slice(0, at)), end: ids(tokens.slice(at + 1)) };
}
