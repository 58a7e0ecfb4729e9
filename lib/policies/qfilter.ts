import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/**
 * Rows whose keys point where the model's queries do: queries of a head lie along one direction, whatever the text, and a
 * key's product with that direction stands in for the attention that it will get. Q-Filters (Godey et al. 2025,
 * https://arxiv.org/abs/2503.02812), as kvpress has it; the authors keep the newest rows as well, which is
 * `protect(qfilter, sinks=0, recent=64)` here. Filters are fitted once per model
 * (`deno task fit_probe --policy qfilter`); some come with the project. Call `await cache.observe(policy)` before
 * `compress`.
 */
export function qfilter(): Policy {
  return definePolicy({
    name: "qfilter",
    paper: "Godey et al. 2025, https://arxiv.org/abs/2503.02812",
    signals: ["filterResponse"],
    score: eachHead(({ signal }) => signal("filterResponse")),
  });
}
