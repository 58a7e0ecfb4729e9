import { checkWord } from "../../numeric/nearest_name.ts";
import type { ChatMessage, Tokenizer } from "./tokenizer.ts";

/** A chat template around one user message. */
export interface ChatTemplateParts {
  /** The text before the message. */
  readonly open: string;
  /** The text after the message: the end of the user's turn and the beginning of the assistant's. */
  readonly close: string;
  /** Whether the template keeps white space around the message. */
  readonly whiteSpace: "kept" | "trimmed";
}

/** Two messages that no template contains: the text around both is the template's own. */
const SENTINELS = ["\u{e000}sentinel\u{e001}", "\u{e002}another\u{e003}"] as const;

const parts = new WeakMap<object, ChatTemplateParts>();

/**
 * Splits the chat template at the user's message: `open + text + close` is the template applied to one user message
 * with the generation prompt added. Where the template trims, the equality holds for text without outer white space.
 *
 * @throws {RangeError} if the model has no template, or its template changes messages other than by trimming
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

/** A chat template around a conversation. */
export interface ConversationParts {
  /** The text before the user's first message, with the system prompt. */
  readonly open: string;
  /** The text after each of the user's messages, which opens the assistant's turn. */
  readonly close: string;
  /** The text after an answer, which opens the user's next turn; it begins with the token that ends an answer. */
  readonly between: string;
}

type Templated = Pick<Tokenizer, "applyChatTemplate">;

/** Messages that no template contains: three of the user's, two answers between them. */
const TURN_SENTINELS = [0, 1, 2, 3, 4].map((index) => `\u{e010}turn ${index}\u{e011}`);

/**
 * Splits the chat template between the messages of a conversation, so that each turn can be read by itself.
 *
 * What a template writes before the newest answer alone, such as Qwen3's empty thought, stays before earlier answers:
 * it was read there.
 *
 * @param system the system prompt; without one, the template's own, if it has one
 * @throws {RangeError} if the model has no template, or the template changes earlier turns once later ones follow
 */
export function splitConversation(tokenizer: Templated, system?: string): ConversationParts {
  const messages: ChatMessage[] = TURN_SENTINELS.map((content, index) => ({
    role: index % 2 === 0 ? "user" : "assistant",
    content,
  }));
  if (system !== undefined) messages.unshift({ role: "system", content: system });
  const rendered = tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
  const [open, opening, between] = pieces(rendered);
  const newest = TURN_SENTINELS.at(-1)!;
  const close = rendered.slice(rendered.lastIndexOf(newest) + newest.length);
  const one = messages.slice(0, system === undefined ? 1 : 2);
  const alone = tokenizer.applyChatTemplate(one, { addGenerationPrompt: true });
  const behind = (index: number) => index % 2 === 1 ? between : index === TURN_SENTINELS.length - 1 ? close : opening;
  const whole = open + TURN_SENTINELS.map((text, index) => text + behind(index)).join("");
  if (rendered === whole && close.startsWith(opening) && alone === open + TURN_SENTINELS[0] + close) {
    return { open, close, between };
  }
  throw new RangeError(
    `Cannot go on with a conversation as the model's chat template puts earlier turns otherwise once later ones follow: ` +
      `ask one question, or give texts as they are (template "none")`,
  );
}

/** The text before, between and after the first two messages; empty where they are not found. */
function pieces(rendered: string): [string, string, string] {
  const starts = TURN_SENTINELS.map((text) => rendered.indexOf(text));
  const after = (index: number) => starts[index] + TURN_SENTINELS[index].length;
  return [
    rendered.slice(0, starts[0]),
    rendered.slice(after(0), starts[1]),
    rendered.slice(after(1), starts[2]),
  ];
}

/** What becomes of special tokens in a user's words: they are spelled like any words, or count as what they are. */
export type UserTokens = "spelled" | "recognized";

const USER_TOKENS: readonly UserTokens[] = ["spelled", "recognized"];

/**
 * The ids of a user's words between texts of the template, with what is read before.
 *
 * @throws {RangeError} if nothing is known to become of special tokens so
 */
export function userIds(
  tokenizer: Pick<Tokenizer, "encode">,
  [before, words, behind]: readonly [string, string, string],
  tokens: UserTokens,
): number[] {
  checkWord("specialTokens", tokens, USER_TOKENS);
  const spelled = [before.length, before.length + words.length] as const;
  return tokenizer.encode(before + words + behind, { spelled: tokens === "spelled" ? [spelled] : [] });
}

/**
 * The ids that a question adds to a conversation. They are the whole turn where nothing is read, the rest of the turn
 * where the user's turn is open, and after an answer the token that ends it, which a generation gives unread, and the
 * whole turn.
 *
 * @param read ids read so far
 * @param tokens what becomes of special tokens in the question
 * @throws {RangeError} if the template cannot be split
 */
export function turnIds(
  tokenizer: Pick<Tokenizer, "applyChatTemplate" | "encode">,
  question: string,
  read: readonly number[],
  tokens: UserTokens = "spelled",
): number[] {
  const { open, close, whiteSpace } = splitChatTemplate(tokenizer);
  const trimmed = whiteSpace === "trimmed";
  if (read.length === 0) return userIds(tokenizer, [open, trimmed ? question.trim() : question, close], tokens);
  if (!wasAnswered(tokenizer, read, close)) {
    return userIds(tokenizer, ["", trimmed ? question.trimEnd() : question, close], tokens);
  }
  const { between } = splitConversation(tokenizer);
  return userIds(tokenizer, [between, trimmed ? question.trim() : question, close], tokens);
}

/** Whether an assistant's turn has begun. */
function wasAnswered(tokenizer: Pick<Tokenizer, "encode">, read: readonly number[], close: string): boolean {
  const words = tokenizer.encode(close);
  if (words.length === 0) return false;
  return read.some((_, start) => words.every((id, index) => read[start + index] === id));
}
