/**
 * Answers to one question, from which further answers are drafted: under many settings a model says much the same.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { AnswerDrafts } from "./answer_drafts.ts";
 *
 * const drafts = new AnswerDrafts();
 * drafts.add([5, 6, 7]);
 * drafts.add([5, 8]);
 * assertEquals(drafts.next([5, 6]), [7]);
 * ```
 */
export class AnswerDrafts {
  readonly #answers: (readonly number[])[] = [];

  /** Takes one more answer in, `[tokens]`. */
  add(ids: readonly number[]): void {
    this.#answers.push(ids);
  }

  /** How most answers that began with these tokens went on, token by token; of equals the newer. */
  readonly next = (generated: readonly number[]): number[] => {
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
