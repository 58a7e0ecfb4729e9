import type { TextName } from "../texts.ts";
import { type Asked, askedPrompt, QUESTIONS } from "./asked.ts";
import type { Draw } from "./draw.ts";
import { hideInText, passage } from "./haystack.ts";
import type { TaskDefinition } from "./task_definition.ts";

/**
 * Facts of six kinds in a passage of prose, each said once in a sentence of its own, one of two forms; three rows ask
 * one text for a fact each. Nothing in the text says that there is something to remember, and no answer is a number of RULER's form.
 *
 * @param text the passages are from
 */
export function proseFacts(text: TextName): TaskDefinition {
  return {
    leastSize: 40,
    questions: QUESTIONS,
    write: (draw, { size, question: asked }) => {
      const facts = drawFacts(draw);
      const prose = passage(draw, text, size);
      const whole = hideInText(prose, draw.shuffled(facts.map(({ said }) => said)), draw);
      return askedPrompt(draw, whole, facts, asked, "\n\n");
    },
  };
}

/** A fact of each kind, in the kinds' order; no two are about the same person. */
export function drawFacts(draw: Draw): Asked[] {
  const name = namer(draw);
  return KINDS.map((kind) => kind(draw, name));
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
const KINDS: readonly ((draw: Draw, name: Namer) => Asked)[] = [
  (draw, name) => {
    const [person, town, answer] = [name(), oneOf(draw, TOWNS), oneOf(draw, TRADES)];
    const [said, answerPrefix] = oneOf(draw, [
      [`In ${town}, ${person} earns a living as a ${answer}.`, `${person} earns a living as a`],
      [`${person} moved to ${town} last spring and now works as a ${answer}.`, `${person} works as a`],
    ]);
    return { said, question: `What is the trade of ${person}?`, answerPrefix, answer };
  },
  (draw) => {
    const [town, building, answer] = [oneOf(draw, TOWNS), oneOf(draw, BUILDINGS), String(1650 + draw.below(300))];
    const [said, answerPrefix] = oneOf(draw, [
      [`The ${building} of ${town} was finished in ${answer}, after many delays.`, "was finished in"],
      [`Visitors to ${town} are shown the ${building}, which was built in ${answer}.`, "was built in"],
    ]);
    const question = `When was the ${building} of ${town} built?`;
    return { said, question, answerPrefix: `The ${building} of ${town} ${answerPrefix}`, answer };
  },
  (draw) => {
    const [goods, answer] = [oneOf(draw, GOODS), String(12 + draw.below(86))];
    const [said, answerPrefix] = oneOf(draw, [
      [`At the fair a ${goods} was sold for ${answer} crowns.`, `A ${goods} was sold for`],
      [`The price of a ${goods} has risen to ${answer} crowns.`, `The price of a ${goods} has risen to`],
    ]);
    return { said, question: `How many crowns does a ${goods} cost?`, answerPrefix, answer };
  },
  (draw, name) => {
    const [person, thing, answer] = [name(), oneOf(draw, THINGS), oneOf(draw, COLOURS)];
    const [said, answerPrefix] = oneOf(draw, [
      [`${person} has painted the ${thing} ${answer}, to the surprise of the neighbours.`, `painted the ${thing}`],
      [`Last week ${person} ordered a ${answer} ${thing}.`, "ordered a"],
    ]);
    const question = `Which colour has the ${thing} of ${person}?`;
    return { said, question, answerPrefix: `${person} ${answerPrefix}`, answer };
  },
  (draw, name) => {
    const [person, occasion, answer] = [name(), oneOf(draw, OCCASIONS), oneOf(draw, DAYS)];
    const [said, answerPrefix] = oneOf(draw, [
      [`${person} has put off the ${occasion} until ${answer}.`, `${person} has put off the ${occasion} until`],
      [`The ${occasion} of ${person} will be held on ${answer}.`, `The ${occasion} of ${person} will be held on`],
    ]);
    return { said, question: `On which day is the ${occasion} of ${person}?`, answerPrefix, answer };
  },
  (draw, name) => {
    const [person, animal, answer] = [name(), oneOf(draw, ANIMALS), oneOf(draw, PET_NAMES)];
    const [said, answerPrefix] = oneOf(draw, [
      [`Everybody knows that ${person} keeps a ${animal} named ${answer}.`, `${person} keeps a ${animal} named`],
      [`${person} went nowhere without a ${animal} named ${answer}.`, `${person} has a ${animal} named`],
    ]);
    return { said, question: `What is the name of the ${animal} of ${person}?`, answerPrefix, answer };
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
