import { MersenneTwister } from "../../../numeric/mersenne_twister.ts";

const HEX = "0123456789abcdef";

/** Random choices, the same for the same name. */
export class Draw {
  readonly #stream: MersenneTwister;

  /** @param name any text that is not empty: another name, other choices */
  constructor(name: string) {
    const bytes = new TextEncoder().encode(name);
    this.#stream = new MersenneTwister(
      BigInt(`0x${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`),
    );
  }

  /** A whole number from 0 to `limit − 1`. */
  below(limit: number): number {
    return Math.floor(this.#stream.random() * limit);
  }

  /** A number of so many digits, the first no zero. */
  number(digits: number): string {
    return String(10 ** (digits - 1) + this.below(9 * 10 ** (digits - 1)));
  }

  /** Letters of an alphabet. */
  letters(alphabet: string, count: number): string {
    return Array.from({ length: count }, () => alphabet[this.below(alphabet.length)]).join("");
  }

  /** A UUID of version 4. */
  uuid(): string {
    const digits = [...this.letters(HEX, 32)];
    digits[12] = "4";
    digits[16] = HEX[8 + this.below(4)];
    return digits.join("").replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
  }

  /** Different ones of what `one` gives, so many; `taken` ones are not given again. */
  distinct(count: number, one: () => string, taken: Set<string> = new Set()): string[] {
    const drawn: string[] = [];
    while (drawn.length < count) {
      const next = one();
      if (taken.has(next)) continue;
      taken.add(next);
      drawn.push(next);
    }
    return drawn;
  }

  /** So many of a list, each at most once, in random order (Fisher and Yates). */
  sample<T>(items: readonly T[], count: number): T[] {
    const copy = [...items];
    for (let index = 0; index < Math.min(count, copy.length); index++) {
      const other = index + this.below(copy.length - index);
      [copy[index], copy[other]] = [copy[other], copy[index]];
    }
    return copy.slice(0, count);
  }

  /** A list in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    return this.sample(items, items.length);
  }
}
