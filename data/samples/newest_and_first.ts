import { definePolicy, eachHead } from "kvmirror/policies";

/** Keeps as many of a text's first rows as of its newest: the nearer to either end, the higher the score. */
export default definePolicy({
  name: "newest_and_first",
  signals: [],
  score: eachHead(({ positions }) => positions.map((_, row) => Math.max(row, positions.length - 1 - row))),
});
