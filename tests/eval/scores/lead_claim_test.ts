import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { leadClaim, type ScoredSample, type SettingName } from "kvmirror/eval";

const FULL = 1000;

/** An arm of `rows` rows of which the first `right` are right. */
function arm(policy: string, right: number, { rows = 60, ratio = 0.75, bytes = 250 } = {}): ScoredSample[] {
  return Array.from({ length: rows }, (_, index) => ({
    policy,
    compression_ratio: ratio,
    live_bytes: bytes,
    index,
    context: index,
    score: index < right ? 1 : 0,
    task: "qa",
    kl: [0],
    agreement: [1],
    answer_tokens: 1,
  }));
}

const FULL_CACHE = arm("keep_all", 60, { ratio: 0, bytes: FULL });
const at = (policy: string): SettingName => ({ policy, compression_ratio: 0.75 });
const claim = (samples: readonly ScoredSample[], ours: string, ...rivals: string[]) =>
  leadClaim([...FULL_CACHE, ...samples], {
    ours: at(ours),
    rivals: rivals.map(at),
    model: "a model, int8 weights",
    domain: "questions about whales",
  });

Deno.test("a lead is over the best of all rivals, whatever their order, with n, interval, bytes, model and domain", () => {
  const samples = [...arm("tova", 50), ...arm("knorm", 20), ...arm("keydiff", 30)];
  const { rival, lead, verdict, share_of_16_bit, sentence } = claim(samples, "tova", "knorm", "keydiff");
  assertEquals([rival, verdict, share_of_16_bit], ["keydiff", "ahead", 0.5]);
  assertEquals(Math.round(lead * 60), 20);
  for (
    const part of ["50.0 % of the 16-bit", "n = 60", "a model, int8 weights", "questions about whales", "of 2 rivals"]
  ) {
    assertStringIncludes(sentence, part);
  }
});

Deno.test("a lead whose interval holds 0 is none, and one below it is said", () => {
  assertEquals(claim([...arm("tova", 31), ...arm("knorm", 30)], "tova", "knorm").verdict, "neither ahead nor behind");
  assertEquals(claim([...arm("tova", 10), ...arm("knorm", 50)], "tova", "knorm").verdict, "behind");
});

Deno.test("comparisons that are not like with like are refused, in a line that says what differs", () => {
  const cases: [samples: ScoredSample[], ours: string, rivals: string[], said: string][] = [
    [[...arm("tova", 50, { bytes: 300 }), ...arm("knorm", 20)], "tova", ["knorm"], "they take 300 and 250 bytes"],
    [[...arm("tova in int8", 50), ...arm("knorm", 20)], "tova in int8", ["knorm"], "their rows differ in dtype"],
    [[...arm("protect(tova)", 50), ...arm("knorm", 20)], "protect(tova)", ["knorm"], "do not protect the same rows"],
    [
      [...arm("globalkv(tova)", 50), ...arm("knorm", 20)],
      "globalkv(tova)",
      ["knorm"],
      "add globalkv(knorm) to the rivals",
    ],
    [
      [...arm("tova", 50), ...arm("knorm", 20, { rows: 59 })],
      "tova",
      ["knorm"],
      "60 and 59 rows are not the same ones",
    ],
    [
      [...arm("tova", 5, { rows: 20 }), ...arm("knorm", 2, { rows: 20 })],
      "tova",
      ["knorm"],
      "from 20 rows as it takes 50",
    ],
    [arm("tova", 50), "tova", ["knorm"], "nothing was asked under knorm at 0.75"],
    [arm("tova", 50), "tova", [], "has no rival"],
  ];
  for (const [samples, ours, rivals, said] of cases) {
    assertThrows(() => claim(samples, ours, ...rivals), RangeError, said);
  }
});

Deno.test("a rival under another budget counts where it is there under ours as well", () => {
  const samples = [
    ...arm("globalkv(attention_probe) in int8", 50),
    ...arm("adakv(keydiff) in int8", 40),
    ...arm("globalkv(keydiff) in int8", 30),
  ];
  const rivals = ["adakv(keydiff) in int8", "globalkv(keydiff) in int8"];
  assertEquals(claim(samples, "globalkv(attention_probe) in int8", ...rivals).rival, "adakv(keydiff) in int8");
});
