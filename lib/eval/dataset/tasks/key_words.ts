import type { Draw } from "./draw.ts";

const ADJECTIVES =
  ("able amber ancient autumn bare bitter blunt bold brave brief bright brisk broad calm careful clever cold " +
    "common crimson curious dark deep distant dry dusty eager early empty even faint fair famous fancy fast fierce final " +
    "firm flat fond fresh gentle giant golden grand grave green happy harsh heavy hidden hollow honest humble icy idle " +
    "inner ivory keen kind large late lazy lean light little lively lone long loud low loyal lucky merry mild modest narrow " +
    "neat new noble odd old open pale patient plain polite proud quick quiet rapid rare raw ready rich ripe rough round royal " +
    "rustic sharp shy silent silver simple sleepy slim slow small smooth sober soft solid spare steady stern still strange " +
    "strict strong subtle sudden sweet swift tall tame tender thick thin tidy tiny vast vivid warm wild wise young")
    .split(" ");

const NOUNS =
  ("acorn anchor apple arch armour arrow badge banner barley barrel basin basket beacon bench bottle bridge brook " +
    "bucket button cabin candle canyon castle cellar chalk cherry chimney circle clay cloak clock cloud coach coast copper " +
    "corner cotton cradle crane cricket crown curtain daisy desert door drawer drum eagle easel ember fabric falcon feather " +
    "fence fiddle field flute forest fountain garden gate glacier glove grape hammer harbour harvest hedge helmet heron honey " +
    "horn island jacket jewel kettle kitchen ladder lantern leaf lemon library lily linen locket lumber mantle maple marble " +
    "market meadow mirror moss mountain needle nest oak oar olive orchard otter oven paddle palace pebble pencil pepper piano " +
    "pillow pine planet plough pocket pond puzzle quilt raven ribbon river rocket rope saddle sail saucer scarf shelf shield " +
    "shovel spoon stable statue stove table teapot temple thimble thread timber tower trail trumpet tunnel valley velvet " +
    "village vine violin wagon walnut willow window winter").split(" ");

/** What needles, entries and functions are known by, an adjective and a noun each: `brave-lantern`. */
const KEY_WORDS: readonly string[] = ADJECTIVES.flatMap((adjective) => NOUNS.map((noun) => `${adjective}-${noun}`));

/** One of these words. */
export function keyWord(draw: Draw): string {
  return KEY_WORDS[draw.below(KEY_WORDS.length)];
}
