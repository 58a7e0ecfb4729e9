import { everyRow } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/** Keeps every row whatever the budget: the ceiling in every table. */
export function keepAll(): Policy {
  return { name: "keep_all", signals: [], choose: everyRow };
}
