import { type Floor, floorMs } from "../metrics/floor.ts";
import { findRow, isMeasured, type ReportRow, speedUp } from "../plan/bench_result.ts";

/** What a second start of a model of half a billion weights may take. */
const LARGE_LOAD = { ms: 3000, timesItsWeights: 1.2 };

/** What this project wants to reach: so many times as good as another, in one run. */
export interface Target {
  readonly own: readonly [system: string, metric: string];
  readonly other: readonly [system: string, metric: string];
  /** The rows' context; where it is absent, whichever was measured. */
  readonly context?: number;
  readonly times: number;
}

const decode = (context: number, other: string, times: number): Target => (
  { own: ["kvmirror", "decode"], other: [other, "decode"], context, times }
);

/** What was asked of this project. */
export const TARGETS: readonly Target[] = [
  decode(64, "onnxruntime-genai", 1.3),
  decode(1024, "transformers.js", 2),
  decode(4096, "transformers.js", 5),
  decode(4096, "onnxruntime-genai", 2.5),
  decode(4096, "node-llama-cpp", 2),
  { own: ["kvmirror", "decode_evicted_87.5"], other: ["transformers.js", "decode"], context: 4096, times: 10 },
  { own: ["kvmirror", "prefill"], other: ["transformers.js", "prefill"], context: 4096, times: 1.5 },
  { own: ["kvmirror", "prefill"], other: ["openvino-genai", "prefill"], context: 1024, times: 0.75 },
  { own: ["kvmirror f32", "study"], other: ["kvpress", "study"], times: 10 },
  { own: ["kvmirror", "study"], other: ["kvpress", "study"], times: 20 },
  { own: ["kvmirror", "simulate"], other: ["original (Python)", "simulate"], times: 20 },
  { own: ["kvmirror", "simulate_peak"], other: ["original (Python)", "simulate_peak"], times: 4 },
];

/** Times the floor that decoding may take. */
export const FLOOR_TARGET = 1.5;

/** A target and what was reached, as a table shows it. */
export interface ReachedTarget {
  readonly metric: string;
  readonly context: number;
  readonly against: string;
  /** `≥ 5×` */
  readonly target: string;
  /** How many times as good; of the floor, how many times its time. */
  readonly reached: number;
  readonly met: "yes" | "no";
  /** The system that is measured, and the one it is held against, where it is one. */
  readonly own: string;
  readonly other?: string;
}

/** A model of half a billion weights, its start against a limit and its memory against its weights. */
function largeLoad(rows: readonly ReportRow[]): ReachedTarget[] {
  const value = (metric: string) => findRow(rows, "kvmirror", `load_0.5b_${metric}`, 0)?.value;
  const [warm, resident, weights] = [value("warm"), value("resident"), value("weights")];
  if (typeof warm !== "number" || typeof resident !== "number" || typeof weights !== "number") return [];
  const within = (metric: string, against: string, limit: number, reached: number): ReachedTarget => (
    {
      metric,
      context: 0,
      against,
      target: `≤ ${limit}×`,
      reached,
      met: reached <= limit ? "yes" : "no",
      own: "kvmirror",
    }
  );
  return [
    within("load_0.5b_warm", `${LARGE_LOAD.ms / 1000} s`, 1, warm / LARGE_LOAD.ms),
    within("load_0.5b_resident", "its weights", LARGE_LOAD.timesItsWeights, resident / weights),
  ];
}

/** Targets whose rows were measured; those against the floor come last. */
export function reachedTargets(reported: readonly ReportRow[], floor?: Floor): ReachedTarget[] {
  const rows = reported.filter(isMeasured);
  const against = TARGETS.flatMap(({ own, other, context, times }): ReachedTarget[] => {
    const mine = rows.find((row) =>
      row.system === own[0] && row.metric === own[1] && (context === undefined || row.context === context)
    );
    const theirs = mine && findRow(rows, other[0], other[1], mine.context);
    if (mine === undefined || theirs === undefined) return [];
    const reached = speedUp(mine, theirs);
    return [{
      metric: own[0] === "kvmirror f32" ? `${own[1]}, float32 weights` : own[1],
      context: mine.context,
      against: own[1] === other[1] ? other[0] : `${other[0]}, ${other[1]}`,
      target: `≥ ${times}×`,
      reached,
      met: reached >= times ? "yes" : "no",
      own: own[0],
      other: other[0],
    }];
  });
  const decoding = floor === undefined
    ? []
    : rows.filter(({ system, metric }) => system === "kvmirror" && metric === "decode");
  return [
    ...against,
    ...largeLoad(rows),
    ...decoding.map(({ metric, context, value }): ReachedTarget => {
      const reached = value / floorMs(floor!, context);
      return {
        metric,
        context,
        against: "the floor",
        target: `≤ ${FLOOR_TARGET}×`,
        reached,
        met: reached <= FLOOR_TARGET ? "yes" : "no",
        own: "kvmirror",
      };
    }),
  ];
}
