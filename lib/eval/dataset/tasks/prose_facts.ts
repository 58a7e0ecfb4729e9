import type { TextName } from "../texts.ts";
import type { Draw } from "./draw.ts";
import { hideInText, passage } from "./haystack.ts";
import type { TaskDefinition } from "./task_definition.ts";

/** A sentence that says something once, and what asks for it. */
interface Fact {
  readonly sentence: string;
  readonly question: string;
  readonly answerPrefix: string;
  readonly answer: string;
}

/**
 * Facts of six kinds in a passage of prose, each said once in a sentence of its own, one of several forms; six rows ask one
 * text for one fact each. Nothing in the text says that there is something to remember, and no answer is a number of RULER's form.
 *
 * @param text the passages are from
 */
export function proseFacts(text: TextName): TaskDefinition {
  return {
    leastSize: 40,
    questions: KINDS.length,
    write: (draw, { size, question: asked }) => {
      const name = namer(draw);
      const facts = KINDS.map((kind) => kind(draw, name));
      const context = hideInText(passage(draw, text, size), draw.shuffled(facts.map(({ sentence }) => sentence)), draw);
      const { sentence, question, answerPrefix, answer } = facts[asked];
      return {
        context: `${context}\n\n`,
        question,
        answer_prefix: answerPrefix,
        answer: [answer],
        max_new_tokens: 12,
        depth: context.indexOf(sentence) / context.length,
      };
    },
  };
}

/** Names of people, none twice in a text. */
type Namer = () => string;

function namer(draw: Draw): Namer {
  const firsts = draw.shuffled(FIRST_NAMES);
  const lasts = draw.shuffled(LAST_NAMES);
  return () => `${firsts.pop()} ${lasts.pop()}`;
}

function oneOf<T>(draw: Draw, items: readonly T[]): T {
  return items[draw.below(items.length)];
}

/** The kinds of facts: somebody's trade, a year, a price, a colour, a day, an animal's name. */
const KINDS: readonly ((draw: Draw, name: Namer) => Fact)[] = [
  (draw, name) => {
    const [person, town, answer] = [name(), oneOf(draw, TOWNS), oneOf(draw, TRADES)];
    return {
      sentence: oneOf(draw, [
        `In ${town}, ${person} earns a living as a ${answer}.`,
        `${person} moved to ${town} last spring and found work there as a ${answer}.`,
      ]),
      question: `What is the trade of ${person}?`,
      answerPrefix: `${person} works as a`,
      answer,
    };
  },
  (draw) => {
    const [town, building, answer] = [oneOf(draw, TOWNS), oneOf(draw, BUILDINGS), String(1650 + draw.below(300))];
    return {
      sentence: oneOf(draw, [
        `The old ${building} of ${town} was finished in ${answer}, after many delays.`,
        `Visitors to ${town} are shown the ${building}, which dates from ${answer}.`,
      ]),
      question: `When was the ${building} of ${town} finished?`,
      answerPrefix: `The ${building} of ${town} was finished in the year`,
      answer,
    };
  },
  (draw) => {
    const [goods, answer] = [oneOf(draw, GOODS), String(12 + draw.below(86))];
    return {
      sentence: oneOf(draw, [
        `At the fair they ask ${answer} crowns for a ${goods}.`,
        `A ${goods} was sold yesterday for no more than ${answer} crowns.`,
      ]),
      question: `What does a ${goods} cost?`,
      answerPrefix: `The price of a ${goods}, in crowns, is`,
      answer,
    };
  },
  (draw, name) => {
    const [person, thing, answer] = [name(), oneOf(draw, THINGS), oneOf(draw, COLOURS)];
    return {
      sentence: oneOf(draw, [
        `${person} has painted the ${thing} ${answer}, to the surprise of the neighbours.`,
        `The ${thing} of ${person} is ${answer} from top to bottom.`,
      ]),
      question: `Which colour has the ${thing} of ${person}?`,
      answerPrefix: `The colour of the ${thing} is`,
      answer,
    };
  },
  (draw, name) => {
    const [person, occasion, answer] = [name(), oneOf(draw, OCCASIONS), oneOf(draw, DAYS)];
    return {
      sentence: oneOf(draw, [
        `${person} has put off the ${occasion} until ${answer}.`,
        `The ${occasion} will be held by ${person} on ${answer} evening.`,
      ]),
      question: `On which day is the ${occasion} of ${person}?`,
      answerPrefix: `The ${occasion} is on`,
      answer,
    };
  },
  (draw, name) => {
    const [person, animal, answer] = [name(), oneOf(draw, ANIMALS), oneOf(draw, PET_NAMES)];
    return {
      sentence: oneOf(draw, [
        `Everybody knows that ${person} keeps a ${animal} by the name of ${answer}.`,
        `${person} went nowhere without ${answer}, a ${animal} of great age.`,
      ]),
      question: `What is the name of the ${animal} that belongs to ${person}?`,
      answerPrefix: `The ${animal} is called`,
      answer,
    };
  },
];

const FIRST_NAMES =
  "Agnes Bertram Clara Dorothea Edmund Felicia Gustav Harriet Ivo Judith Konrad Lydia Magnus Nora Oskar"
    .split(" ");
const LAST_NAMES = ("Ashdown Birkett Calloway Dunmore Ellwood Farrant Garside Holbrook Ingram Jessop Kenward Lovell " +
  "Merriman Norcott Oakes").split(" ");
const TOWNS = "Aldmoor Brackwell Carnforth Dunsley Elverton Fenwick Garmouth Hexley Ilverston Kelsworth".split(" ");
const TRADES = ("baker blacksmith bookbinder butcher carpenter dentist gardener glazier mason midwife plumber potter " +
  "saddler tailor teacher weaver").split(" ");
const BUILDINGS = "bathhouse brewery customs-house granary lighthouse observatory prison theatre town-hall windmill"
  .split(" ");
const GOODS = "barometer blanket compass copper-kettle lantern saddle spinning-wheel telescope umbrella wheelbarrow"
  .split(" ");
const THINGS = "barn bicycle boathouse carriage fence front-door garden-gate kitchen wardrobe workshop".split(" ");
const COLOURS = "black blue brown green grey orange pink purple red white yellow".split(" ");
const OCCASIONS = "auction christening concert dance dinner lecture picnic rehearsal wedding".split(" ");
const DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");
const ANIMALS = "cat donkey dog goat goose hedgehog mule parrot pony tortoise".split(" ");
const PET_NAMES = "Biscuit Caesar Duchess Ginger Hector Juniper Mustard Nutmeg Pepper Rufus Thistle Whisky".split(" ");
