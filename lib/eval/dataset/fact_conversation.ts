import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { Draw } from "./tasks/draw.ts";
import { hideInText, passage } from "./tasks/haystack.ts";
import { drawFacts } from "./tasks/prose_facts.ts";

/** What a user says in one turn, and what a right answer contains where the turn asks for something. */
export interface ConversationTurn {
  /** The user's words. */
  readonly says: string;
  /** What the answer must contain; absent where nothing is asked. */
  readonly answer?: string;
}

/** What a conversation is drawn from. */
export interface FactConversationOptions {
  /** 42 by default. */
  readonly seed?: number;
  /** Turns that tell a fact, and turns that ask for one, from 1 to 6; 4 by default. */
  readonly facts?: number;
  /** Words of prose around a fact; 100 by default. */
  readonly words?: number;
}

const FACT_CONVERSATION_OPTIONS: OptionNames<FactConversationOptions> = { seed: true, facts: true, words: true };

/** Kinds of facts, each of which a conversation tells at most once. */
const MAX_FACTS = 6;

/**
 * A conversation whose first turns each tell a fact in passing, in prose of Moby-Dick, and whose later turns ask for them, in
 * another order: eight turns by default.
 *
 * @throws {RangeError} if there are no facts or more than six, or fewer than 20 words
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { factConversation } from "kvmirror/eval";
 *
 * const turns = factConversation({ seed: 7 });
 * assertEquals(turns.map(({ answer }) => answer !== undefined), [false, false, false, false, true, true, true, true]);
 * ```
 */
export function factConversation(options: FactConversationOptions = {}): ConversationTurn[] {
  checkOptions("factConversation", options, FACT_CONVERSATION_OPTIONS);
  const { seed = 42, facts: count = 4, words = 100 } = options;
  for (
    const [name, value, [least, most]] of [["facts", count, [1, MAX_FACTS]], ["words", words, [20, 10_000]]] as const
  ) {
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new RangeError(
      `Cannot write a conversation with ${name} ${value} as it must be a whole number from ${least} to ${most}`,
    );
  }
  const draw = new Draw(`conversation/${seed}`);
  const facts = draw.sample(drawFacts(draw), count);
  const told = facts.map(({ said }) => ({
    says: `A page of my notes: ${hideInText(passage(draw, "novel", words), [said], draw)}\n\nReply with the word OK.`,
  }));
  const asked = draw.shuffled(facts).map(({ question, answer }) => (
    { says: `${question} Answer in a few words.`, answer }
  ));
  return [...told, ...asked];
}
