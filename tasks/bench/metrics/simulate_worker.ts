/** Times this project's simulator in a process of its own: `simulate_worker.ts TOKENS`; prints a line of JSON. */
import { simulate, syntheticSequence } from "kvmirror";
import { policy } from "kvmirror/policies";
import { printText } from "../../cli/print.ts";
import { processMemory } from "../workers/serve.ts";

const sequenceLength = Number(Deno.args[0]);
const start = performance.now();
const { stats } = simulate(syntheticSequence({ sequenceLength }), policy("hybrid", { windowSize: 256, topk: 96 }));
const seconds = (performance.now() - start) / 1000;
printText(JSON.stringify({ seconds, peakBytes: processMemory().peak, version: Deno.version.deno, stats }));
