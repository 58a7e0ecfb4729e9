import { assertEquals } from "@std/assert";
import { AnswerDrafts } from "../../../lib/eval/run/answer_drafts.ts";

Deno.test("a draft is what most answers that began alike went on with; of equals the newer", () => {
  const drafts = new AnswerDrafts();
  assertEquals(drafts.next([]), []);
  for (const ids of [[1, 2, 3], [1, 2, 4, 9], [1, 2, 3, 8], [7]]) drafts.add(ids);
  assertEquals(drafts.next([]), [1, 2, 3, 8]);
  assertEquals(drafts.next([1, 2, 4]), [9]);
  assertEquals(drafts.next([7]), []);
  assertEquals(drafts.next([5]), []);
  drafts.add([7]);
  assertEquals(drafts.next([]), [1, 2, 3, 8]);
  drafts.add([7]);
  assertEquals(drafts.next([]), [7]);
});
