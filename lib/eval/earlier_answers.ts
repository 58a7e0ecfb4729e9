/**
 * Answers to one question, which foretell further ones: under many policies a model says much the same.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { EarlierAnswers } from "kvmirror/eval";
 *
 * const answers = new EarlierAnswers();
 * answers.add([5, 6, 7]);
 * answers.add([5, 8]);
 * assertEquals(answers.draft([5, 6]), [7]);
 * ```
 */
export class EarlierAnswers {
  readonly #answers: (readonly number[])[] = [];

  /** Takes one more answer in, `[tokens]`. */
  add(ids: readonly number[]): void {
    this.#answers.push(ids);
  }

  /** What those that began like this one went on with, token by token as most of them did; of equals the newer. */
  readonly draft = (generated: readonly number[]): number[] => {
    let alike = this.#answers.filter((ids) => generated.every((id, place) => ids[place] === id));
    const draft: number[] = [];
    for (let place = generated.length;; place++) {
      const following = Map.groupBy(alike.filter(({ length }) => length > place), (ids) => ids[place]);
      const most = [...following.entries()].reduce<[number, (readonly number[])[]] | undefined>(
        (best, one) => best !== undefined && best[1].length > one[1].length ? best : one,
        undefined,
      );
      if (most === undefined) return draft;
      draft.push(most[0]);
      alike = most[1];
    }
  };
}
