type Json = Readonly<Record<string, unknown>>;

/** Removes the white space that added tokens take along from a text. */
export type TakeSpaces = (text: string) => string;

/**
 * Makes the step of added tokens with `lstrip` or `rstrip`, which take the white space before or behind them, as Unicode
 * has it. Undefined where no token does.
 *
 * @param added tokenizer.json's `added_tokens`
 */
export function createTakeSpaces(added: unknown): TakeSpaces | undefined {
  const tokens = (Array.isArray(added) ? added : []).filter((token): token is Json & { content: string } =>
    typeof token?.content === "string" && token.content !== "" && token.normalized !== true
  );
  if (!tokens.some(({ lstrip, rstrip }) => lstrip === true || rstrip === true)) return undefined;
  const flags = new Map(tokens.map((token) => [token.content, token]));
  const longestFirst = [...flags.keys()].sort((one, other) => other.length - one.length);
  const pattern = new RegExp(`(${longestFirst.map(escapePattern).join("|")})`, "u");
  return (text) => {
    const sections = text.split(pattern); // tokens stand at odd places
    for (let at = 1; at < sections.length; at += 2) {
      const { lstrip, rstrip } = flags.get(sections[at])!;
      if (lstrip === true) sections[at - 1] = sections[at - 1].replace(/\p{White_Space}+$/u, "");
      if (rstrip === true) sections[at + 1] = sections[at + 1].replace(/^\p{White_Space}+/u, "");
    }
    return sections.join("");
  };
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
