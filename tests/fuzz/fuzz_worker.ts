/** Runs inputs of readers one after the other, and says which one it is at: whoever waits ends it if one takes too long. */
import { oneLine } from "../../tasks/cli/print.ts";
import { classifyError, isFault, type Outcome } from "./classify.ts";
import type { Chunk, Faults, Tried } from "./fuzz.ts";
import { Draws } from "./mutate.ts";
import { READERS } from "./readers.ts";

/** Time of an input that counts as slow, and memory that counts as large: inputs have at most some 200 KB. */
const [SLOW_MS, LARGE_BYTES] = [2_000, 256 * 2 ** 20];

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Chunk>) => void;
  postMessage: (message: Faults | "ready") => void;
};

scope.onmessage = async ({ data: { reader: name, seed, from, to, progress } }) => {
  const { mutate, read, errors } = READERS.find((reader) => reader.name === name)!;
  const faults: Tried[] = [];
  const counts: Partial<Record<Outcome, number>> = {};
  let slowest = 0;
  const folder = Deno.makeTempDirSync({ prefix: "kvmirror-fuzz-" });
  try {
    for (let input = from; input < to; input++) {
      const bytes = mutate(new Draws(`${seed} ${name} ${input}`));
      let tried: Tried;
      let times = 0;
      do { // A machine that is busy makes an input slow once, a fault each time.
        const own = `${folder}/${input}.${times++}`;
        Deno.mkdirSync(own);
        Atomics.store(progress, 1, Date.now() | 0);
        Atomics.store(progress, 0, input);
        tried = await tryInput({ reader: name, input }, () => read(bytes, own), errors);
        Deno.removeSync(own, { recursive: true });
      } while (tried.outcome === "slow" && times < 3);
      slowest = Math.max(slowest, tried.milliseconds);
      counts[tried.outcome] = (counts[tried.outcome] ?? 0) + 1;
      if (isFault(tried.outcome)) faults.push(tried);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  scope.postMessage({ faults, counts, slowest });
};

async function tryInput(
  of: Pick<Tried, "reader" | "input">,
  read: () => unknown,
  errors: "line" | undefined,
): Promise<Tried> {
  const [before, start] = [heldBytes(), performance.now()];
  let [outcome, message]: [Outcome, string] = ["accepted", ""];
  try {
    await read();
  } catch (error) {
    outcome = classifyError(error, errors === "line" ? oneLine : undefined);
    message = error instanceof Error ? error.message : String(error);
  }
  const milliseconds = performance.now() - start;
  if (!isFault(outcome) && milliseconds > SLOW_MS) outcome = "slow";
  if (!isFault(outcome) && heldBytes() - before > LARGE_BYTES) outcome = "large";
  return { ...of, outcome, milliseconds, message };
}

scope.postMessage("ready");

/** Bytes that this thread holds. */
function heldBytes(): number {
  const { heapTotal, external } = Deno.memoryUsage();
  return heapTotal + external;
}
