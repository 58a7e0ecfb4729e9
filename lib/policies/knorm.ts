import { rowNorms } from "../numeric/vectors.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/** Rows with small keys stay: the L2 norm of a key tells how little it is attended to (Devoto et al. 2024, https://arxiv.org/abs/2406.11430). */
export function knorm(): Policy {
  return definePolicy({
    name: "knorm",
    paper: "Devoto et al. 2024, https://arxiv.org/abs/2406.11430",
    signals: ["keys"],
    score: eachHead((head, { model }) => rowNorms(head.signal("keys"), model.headDim).map((norm) => -norm)),
  });
}
