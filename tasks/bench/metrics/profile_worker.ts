/**
 * Decodes with onnxruntime's profiler on or off: `worker.ts MODEL CONTEXT TOKENS [PREFIX]`. Prints a line of JSON, the
 * milliseconds of each token as the caller sees them; with a prefix, the profile is in the file that begins with it.
 */
import { loadModel } from "kvmirror/engine";
import { printText } from "../../cli/print.ts";
import { runBody } from "../../cli/run_body.ts";
import { randomIds } from "../workers/serve.ts";

await runBody(async () => {
  const [path, context, tokens, profile] = Deno.args;
  const arrivals: number[] = [];
  {
    await using model = await loadModel(path, { weights: "int8", ...(profile === undefined ? {} : { profile }) });
    using cache = model.createCache();
    const ids = randomIds(Number(context), model.config.vocabSize);
    const options = { cache, maxNewTokens: Number(tokens) + 1, ignoreEos: true } as const;
    for await (const _ of model.generateFrom(ids, options)) arrivals.push(performance.now());
  }
  printText(JSON.stringify(arrivals.slice(1).map((time, index) => time - arrivals[index])));
});
