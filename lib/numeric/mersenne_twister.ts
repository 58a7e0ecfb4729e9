const SIZE = 624;
const SHIFT = 397;

/**
 * The random stream of CPython's `random.Random(seed)`, bit for bit: MT19937 (Matsumoto and Nishimura 1998,
 * https://doi.org/10.1145/272991.272995) seeded by `init_by_array` with the 32-bit limbs of |seed|.
 *
 * @example Python's `random.Random(42).random()`
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MersenneTwister } from "kvmirror";
 *
 * assertEquals(new MersenneTwister(42).random(), 0.6394267984578837);
 * ```
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  /** The state's words as they are drawn, so that drawing one is a read. */
  readonly #words = new Uint32Array(SIZE);
  #next = SIZE;
  /** The second number of the last pair of {@linkcode gaussian}. */
  #spare?: number;

  /**
   * Seeds the stream.
   *
   * @param seed any whole number; its sign does not count, as in CPython
   * @throws {RangeError} if the seed is a `number` that is not a safe integer
   */
  constructor(seed: number | bigint) {
    this.#seedByArray(limbs(seed));
  }

  /** The next double in [0, 1), of 53 random bits. */
  random(): number {
    // A double takes two words, and a state has an even number of them.
    if (this.#next === SIZE) this.#twist();
    const next = this.#next;
    this.#next = next + 2;
    return ((this.#words[next] >>> 5) * 67108864 + (this.#words[next + 1] >>> 6)) / 9007199254740992;
  }

  /** The next number of a standard normal distribution, but for rounding CPython's `random.gauss(0, 1)`. */
  gaussian(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    const angle = this.random() * 2 * Math.PI;
    const radius = Math.sqrt(-2 * Math.log(1 - this.random()));
    this.#spare = Math.sin(angle) * radius;
    return Math.cos(angle) * radius;
  }

  #twist(): void {
    const state = this.#state;
    for (let index = 0; index < SIZE; index++) {
      const next = index + 1 === SIZE ? 0 : index + 1;
      const shifted = index + SHIFT < SIZE ? index + SHIFT : index + SHIFT - SIZE;
      const bits = (state[index] & 0x80000000) | (state[next] & 0x7fffffff);
      state[index] = state[shifted] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    for (let index = 0; index < SIZE; index++) {
      let word = state[index];
      word ^= word >>> 11;
      word ^= (word << 7) & 0x9d2c5680;
      word ^= (word << 15) & 0xefc60000;
      this.#words[index] = word ^ (word >>> 18);
    }
    this.#next = 0;
  }

  #seedByArray(key: Uint32Array): void {
    const state = this.#state;
    state[0] = 19650218;
    for (let index = 1; index < SIZE; index++) state[index] = Math.imul(1812433253, mixed(state, index)) + index;
    let index = 1;
    const advance = () => {
      if (++index < SIZE) return;
      state[0] = state[SIZE - 1];
      index = 1;
    };
    for (let step = 0; step < Math.max(SIZE, key.length); step++) {
      const limb = step % key.length;
      state[index] = (state[index] ^ Math.imul(mixed(state, index), 1664525)) + key[limb] + limb;
      advance();
    }
    for (let step = 1; step < SIZE; step++) {
      state[index] = (state[index] ^ Math.imul(mixed(state, index), 1566083941)) - index;
      advance();
    }
    state[0] = 0x80000000;
  }
}

function mixed(state: Uint32Array, index: number): number {
  return state[index - 1] ^ (state[index - 1] >>> 30);
}

/** The 32-bit limbs of |seed|, lowest first; one limb for 0. */
function limbs(seed: number | bigint): Uint32Array {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
    throw new RangeError(`Cannot seed with ${seed} as it must be a whole number: past 2^53 give a BigInt`);
  }
  const digits = (BigInt(seed) < 0n ? -BigInt(seed) : BigInt(seed)).toString(16);
  const count = Math.ceil(digits.length / 8);
  return Uint32Array.from({ length: count }, (_, limb) => {
    const end = digits.length - limb * 8;
    return parseInt(digits.slice(Math.max(0, end - 8), end), 16);
  });
}
