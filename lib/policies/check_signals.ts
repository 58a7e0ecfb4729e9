import { type Policy, type Signal, SINK_TOKENS } from "./policy.ts";

/**
 * Refuses what is no policy, such as its name.
 *
 * @param action what the policy is for, for the message: "compress"
 * @throws {TypeError} that says how to make one
 */
export function checkPolicyObject(action: string, policy: Pick<Policy, "name" | "signals">): void {
  if (typeof policy === "object" && policy !== null && Array.isArray(policy.signals)) return;
  const given = JSON.stringify(policy) ?? typeof policy;
  const fix = typeof policy === "string" ? `policy(${given})` : `policy("snapkv")`;
  throw new TypeError(`Cannot ${action} with ${given} as it is no policy: make one, as with ${fix}`);
}

/**
 * Refuses a ratio for a policy that sets itself how much stays: it would be followed by nobody.
 *
 * @throws {RangeError} if it is not 0
 */
export function checkFollowsRatio({ name, size }: Pick<Policy, "name" | "size">, compressionRatio: number): void {
  if (size !== "own" || compressionRatio === 0) return;
  throw new RangeError(
    `Cannot follow compressionRatio ${compressionRatio} with ${name} as it sets itself how much stays: give 0`,
  );
}

/** A signal in words, for messages. */
export function describeSignal(signal: Signal): string {
  if (typeof signal === "string") return signal;
  const queries = signal.queries === "all"
    ? "all queries"
    : signal.queries === 1
    ? "the newest query"
    : `the last ${signal.queries} queries`;
  return `attention (${signal.attention} over ${queries}${
    signal.decay === undefined ? "" : `, decay ${signal.decay}`
  })`;
}

/** What a text of the sinks alone does not leave. */
const QUERY_MOMENTS = `, mean and covariance of the queries behind a text's first ${SINK_TOKENS} tokens`;

/** Who records what KVzap predicts. */
const PREDICTED =
  `, which reading records if it is asked to (\`prefillRecordings\`) and maps are fitted for the model ` +
  `(\`deno task fit_probe --policy kvzap\`)`;

/** What a message says of signals that are not at hand by themselves. */
const MEANINGS: Readonly<Partial<Record<Signal & string, string>>> = {
  queryMoments: QUERY_MOMENTS,
  predictedReconstruction: PREDICTED,
  nonCausalAttention: ", which reading records if it is asked to (`prefillRecordings`)",
};

/** Whether two signals are the same. */
export function sameSignal(one: Signal, other: Signal): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one.attention === other.attention && one.queries === other.queries && one.decay === other.decay;
}

/**
 * Refuses a policy that reads a signal which its runner does not have, before anything is chosen.
 *
 * @param available the runner's signals
 * @param runner who has them, for the message: "a synthetic sequence"
 * @throws {TypeError} that names the policy, the signal and what there is
 */
export function checkSignals(policy: Policy, available: readonly Signal[], runner: string): void {
  const missing = policy.signals.find((wanted) => !available.some((signal) => sameSignal(wanted, signal)));
  if (missing === undefined) return;
  const has = available.length === 0 ? "no signals" : available.map(describeSignal).join(", ");
  const meaning = typeof missing === "string" ? MEANINGS[missing] ?? "" : "";
  throw new TypeError(
    `Cannot run policy ${policy.name} as it needs ${describeSignal(missing)}${meaning}: ${runner} has ${has}`,
  );
}
