import type { WeightFormat } from "kvmirror/engine";
import type { AskJobs } from "kvmirror/eval";
import { JOB_DONE, type JobModel, parseJob } from "../../lib/eval/run/job.ts";
import { parseJsonObjectText } from "../../lib/files/json_object.ts";

/** A service that processes of this machine ask for samples, such as notebooks' kernels. */
export interface SampleService extends AsyncDisposable {
  /** Where it is; nobody else knows the path. */
  readonly address: string;
  /** Aborted with what an answer failed of. */
  readonly failed: AbortSignal;
}

/** Hands what `askService` asks for on. */
export function serveSamples(ask: AskJobs): SampleService {
  const failed = new AbortController();
  const path = `/${crypto.randomUUID()}`;
  const answer = async function* (lines: readonly string[], signal: AbortSignal): AsyncGenerator<string> {
    try {
      const [model, ...jobs] = lines;
      for await (const outcome of ask(parseModel(model), jobs.map(parseJob), signal)) yield JSON.stringify(outcome);
      yield JOB_DONE;
    } catch (error) {
      if (!signal.aborted) failed.abort(error);
      throw error;
    }
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    if (request.method !== "POST" || new URL(request.url).pathname !== path) return new Response(null, { status: 404 });
    const lines = (await request.text()).split("\n");
    const encoder = new TextEncoder();
    return new Response(
      ReadableStream.from(answer(lines, request.signal)).pipeThrough(
        new TransformStream({ transform: (line, out) => out.enqueue(encoder.encode(`${line}\n`)) }),
      ),
    );
  });
  return {
    address: `http://127.0.0.1:${server.addr.port}${path}`,
    failed: failed.signal,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function parseModel(line: string): JobModel {
  const { hash, name, weights, build } = parseJsonObjectText(line, "the model of some jobs");
  if ([hash, name, weights, build].every((word) => typeof word === "string")) {
    const origin = { name: String(name), weights: weights as WeightFormat, build: String(build) };
    return { hash: String(hash), origin };
  }
  throw new SyntaxError("Cannot read the model of some jobs as it is malformed");
}
