import type { Tokenizer } from "./tokenizer.ts";

/** A chat template around one user message. */
export interface ChatTemplateParts {
  /** What comes before the message. */
  readonly open: string;
  /** What comes after it: the end of the user's turn and the beginning of the assistant's. */
  readonly close: string;
  /** What the template does to white space around the message. */
  readonly whiteSpace: "kept" | "trimmed";
}

/** Two messages that no template mentions: what surrounds both is the template's own. */
const SENTINELS = ["\u{e000}sentinel\u{e001}", "\u{e002}another\u{e003}"] as const;

const parts = new WeakMap<object, ChatTemplateParts>();

/**
 * Splits the chat template at the user's message: `open + text + close` is the template applied to one user message
 * with the generation prompt added. Where the template trims, that holds for text without white space around it.
 *
 * @throws {RangeError} if the model has no template, or its template changes messages in another way than to trim them
 */
export function splitChatTemplate(tokenizer: Pick<Tokenizer, "applyChatTemplate">): ChatTemplateParts {
  let known = parts.get(tokenizer);
  if (known === undefined) parts.set(tokenizer, known = split(tokenizer));
  return known;
}

function split(tokenizer: Pick<Tokenizer, "applyChatTemplate">): ChatTemplateParts {
  const render = (content: string) =>
    tokenizer.applyChatTemplate([{ role: "user", content }], { addGenerationPrompt: true });
  const pieces = render(SENTINELS[0]).split(SENTINELS[0]);
  if (pieces.length !== 2) {
    throw new RangeError(
      `Cannot split the model's chat template at the user's message as it puts it ${pieces.length - 1} times: ` +
        `give the text as it is (template "none")`,
    );
  }
  const [open, close] = pieces;
  const padded = ` \n${SENTINELS[1]}\n `;
  const rendered = render(padded);
  if (rendered === open + padded + close) return { open, close, whiteSpace: "kept" };
  if (rendered === open + SENTINELS[1] + close) return { open, close, whiteSpace: "trimmed" };
  throw new RangeError(
    `Cannot split the model's chat template at the user's message as it depends on the message: ` +
      `give the text as it is (template "none")`,
  );
}
