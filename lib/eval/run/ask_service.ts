import { readLines } from "../../files/lines.ts";
import { type AskJobs, JOB_DONE, type JobOutcome, parseOutcomeLine } from "./job.ts";

/**
 * Has jobs answered by a service of this machine, which `reproduce --queue` starts for its notebooks. It is sent the
 * model's line and a line for each job, and sends a line for each outcome and {@linkcode JOB_DONE} at the end.
 *
 * @param address `http://127.0.0.1:port/path`
 */
export function askService(address: string): AskJobs {
  return async function* (
    { hash, origin: { name, weights, build } },
    jobs,
    signal,
  ): AsyncGenerator<JobOutcome, void, undefined> {
    const lines = [{ hash, name, weights, build }, ...jobs].map((line) => JSON.stringify(line));
    const response = await fetch(address, { method: "POST", body: lines.join("\n"), signal });
    if (!response.ok || response.body === null) {
      throw new Error(`Cannot ask for samples as their service answers ${response.status}: run the same command again`);
    }
    for await (const line of readLines(response.body)) {
      if (line === JOB_DONE) return;
      const outcome = parseOutcomeLine(line);
      if (outcome !== undefined) yield outcome;
    }
    throw new Error("Cannot ask for samples as their service has ended: run the same command again");
  };
}
