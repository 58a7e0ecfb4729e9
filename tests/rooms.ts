import type { Imports } from "./import_graph.ts";

/** A room of lib/: a folder with a door. */
export interface Room {
  /** Rooms below it that its files import from. */
  readonly uses: readonly string[];
  /** Its files that other rooms import, by their path in it. */
  readonly door: readonly string[];
}

/** The plan of lib/, which is law: an arrow or a door that is not here is an error, and so is one that nobody uses. */
export const ROOMS: Readonly<Record<string, Room>> = {
  "eval/files": {
    uses: [
      "eval/experiments",
      "eval/scores",
      "eval/run",
      "eval/scorers",
      "report/files",
      "report/charts",
      "report/table",
      "report/render",
      "numeric",
    ],
    door: [],
  },
  "eval/experiments": {
    uses: [
      "eval/scores",
      "eval/run",
      "eval/dataset",
      "eval/scorers",
      "engine/observe",
      "engine/rows",
      "engine",
      "trace",
      "policies",
      "metrics",
      "numeric",
    ],
    door: ["perplexity.ts"],
  },
  "eval/scores": {
    uses: ["eval/run", "metrics", "display", "numeric"],
    door: ["comparisons.ts", "depth_scores.ts", "policy_choice.ts", "task_gates.ts", "task_scores.ts"],
  },
  "eval/run": {
    uses: [
      "eval/dataset",
      "eval/scorers",
      "engine/generate",
      "engine/observe",
      "engine/rows",
      "engine/signals",
      "engine",
      "policies",
      "metrics",
      "display",
      "numeric",
      "files",
    ],
    door: [
      "cut_prompt.ts",
      "evaluate.ts",
      "evaluate_context.ts",
      "evicted_forks.ts",
      "later_attention.ts",
      "sample.ts",
      "setting.ts",
      "study_file.ts",
    ],
  },
  "eval/dataset": {
    uses: ["eval/scorers", "engine/tokenizer", "engine", "numeric", "files"],
    door: ["dataset_row.ts", "fact_conversation.ts", "fact_prompt.ts", "kvpress_prompt.ts", "task_rows.ts"],
  },
  "eval/scorers": { uses: ["numeric"], door: ["scorers.ts"] },
  "report/site": {
    uses: [
      "eval/scores",
      "eval/run",
      "report/inspector",
      "report/files",
      "report/table",
      "report/render",
      "notebook",
      "metrics",
      "numeric",
      "files",
    ],
    door: [],
  },
  "report/inspector": {
    uses: ["report/retention", "report/table", "report/render", "metrics", "numeric"],
    door: ["inspector_page.ts"],
  },
  "report/files": { uses: ["report/render", "files"], door: ["summary.ts", "write_report.ts"] },
  "report/retention": { uses: ["report/table", "report/render", "numeric"], door: ["pieces.ts"] },
  "report/charts": { uses: ["report/table", "report/render", "numeric"], door: ["chart.ts", "heat_map.ts"] },
  "report/table": { uses: ["report/render", "numeric"], door: ["number_format.ts", "records.ts", "table.ts"] },
  "report/render": {
    uses: ["display"],
    door: ["alt_text.ts", "display.ts", "escape.ts", "font.ts", "palette.ts", "render_png.ts", "render_svg.ts"],
  },
  "engine/chat": {
    uses: [
      "engine/generate",
      "engine/cache",
      "engine/rows",
      "engine/signals",
      "engine/tokenizer",
      "policies",
      "numeric",
    ],
    door: [],
  },
  "engine/generate": {
    uses: [
      "engine/observe",
      "engine/cache",
      "engine/runtime",
      "engine/cache/file",
      "engine/graph",
      "engine/sources",
      "engine/rows",
      "engine/checkpoint",
      "engine/signals",
      "engine/tokenizer",
      "trace",
      "metrics",
      "display",
      "numeric",
    ],
    door: ["generation.ts", "model.ts", "sampling.ts", "speculative_decoder.ts"],
  },
  "engine/observe": {
    uses: [
      "engine/cache",
      "engine/runtime",
      "engine/cache/state",
      "engine/graph",
      "engine/rows",
      "engine/checkpoint",
      "engine/tokenizer",
      "policies",
      "numeric",
      "files",
    ],
    door: [
      "attention_probe.ts",
      "attention_probe_fit.ts",
      "fitted_weights.ts",
      "kvzap.ts",
      "kvzap_fit.ts",
      "model_observer.ts",
      "query_filters.ts",
      "query_filters_fit.ts",
    ],
  },
  "engine/cache": {
    uses: [
      "engine/cache/file",
      "engine/cache/state",
      "engine/choose",
      "engine/rows",
      "engine/checkpoint",
      "engine/signals",
      "trace",
      "policies",
      "metrics",
      "display",
      "numeric",
    ],
    door: ["bound.ts", "kv_cache.ts"],
  },
  "engine/runtime": {
    uses: ["engine/graph", "engine/rows", "engine/checkpoint", "numeric", "files"],
    door: ["decoder_pool.ts", "decoder_session.ts", "graph_session.ts", "integer_products.ts"],
  },
  "engine/cache/file": {
    uses: ["engine/cache/state", "engine/rows", "engine/signals", "numeric", "files"],
    door: ["decode.ts", "encode.ts"],
  },
  "engine/cache/state": {
    uses: ["engine/rows", "engine/signals", "policies", "numeric"],
    door: [
      "append.ts",
      "cache_state.ts",
      "evict.ts",
      "quantize_rows.ts",
      "query_moments.ts",
      "rewind.ts",
      "signal_mark.ts",
      "windows.ts",
    ],
  },
  "engine/choose": { uses: ["engine/rows", "policies"], door: ["choose_rows.ts"] },
  "engine/graph": {
    uses: ["engine/rows", "engine/checkpoint", "numeric", "files"],
    door: [
      "attention_graph.ts",
      "decoder_layers.ts",
      "model_files.ts",
      "model_store.ts",
      "onnx_graph.ts",
      "quantized_attention_graph.ts",
      "quantized_weights.ts",
      "weights.ts",
    ],
  },
  "engine/sources": {
    uses: ["engine/checkpoint", "numeric", "files"],
    door: ["embedded_model.ts", "resolve_model.ts", "settings.ts"],
  },
  "engine/rows": {
    uses: ["engine/signals", "policies", "metrics", "numeric"],
    door: [
      "cache_dtype.ts",
      "cache_shape.ts",
      "head_rows.ts",
      "position_range.ts",
      "quantized_vectors.ts",
      "rotary_positions.ts",
      "row_bytes.ts",
      "token_ids.ts",
    ],
  },
  "engine/checkpoint": {
    uses: ["engine/tokenizer", "numeric", "files"],
    door: [
      "architecture/families.ts",
      "architecture/family.ts",
      "architecture/tensors.ts",
      "checkpoint.ts",
      "gguf/gguf_checkpoint.ts",
      "quantized_blocks.ts",
      "read_checkpoint.ts",
      "safetensors/encode_safetensors.ts",
      "safetensors/read_safetensors.ts",
      "safetensors/shard_index.ts",
      "tensor_format.ts",
    ],
  },
  "engine/signals": { uses: ["policies"], door: ["signals.ts"] },
  "engine/tokenizer": {
    uses: ["numeric", "files"],
    door: [
      "byte_level.ts",
      "chat_template.ts",
      "special_tokens.ts",
      "template_variables.ts",
      "text_stream.ts",
      "tokenizer.ts",
    ],
  },
  plan: { uses: ["engine/rows", "policies", "numeric", "files"], door: [] },
  sim: { uses: ["policies", "metrics", "display", "numeric"], door: [] },
  trace: {
    uses: ["policies", "metrics", "numeric", "files"],
    door: ["encode_trace.ts", "find_tokens.ts", "replay.ts", "trace_header.ts", "trace_summary.ts"],
  },
  notebook: { uses: ["files"], door: ["notebook.ts", "parse_notebook.ts"] },
  policies: {
    uses: ["display", "numeric"],
    door: [
      "budget.ts",
      "check_signals.ts",
      "keep_all.ts",
      "policy.ts",
      "policy_rules.ts",
      "score_once.ts",
      "some_rows.ts",
      "table.ts",
    ],
  },
  metrics: {
    uses: ["display", "numeric"],
    door: [
      "bootstrap.ts",
      "bytes_per_token.ts",
      "cache_usage.ts",
      "divergence.ts",
      "inspection.ts",
      "linear_trend.ts",
      "rank_correlation.ts",
      "recall.ts",
      "retention.ts",
      "token_retention.ts",
      "wilson_interval.ts",
    ],
  },
  display: { uses: [], door: ["display.ts", "facts.ts"] },
  numeric: {
    uses: [],
    door: [
      "average_pool.ts",
      "half.ts",
      "held_positions.ts",
      "leverage_scores.ts",
      "log_probabilities.ts",
      "mean.ts",
      "median.ts",
      "mersenne_twister.ts",
      "nearest_name.ts",
      "quadratic_form.ts",
      "ridge_regression.ts",
      "rotary.ts",
      "softmax.ts",
      "standard_scores.ts",
      "top_direction.ts",
      "top_k.ts",
      "vectors.ts",
    ],
  },
  files: {
    uses: [],
    door: [
      "built_folder.ts",
      "byte_source.ts",
      "cache_folder.ts",
      "exists.ts",
      "fields.ts",
      "file_lock.ts",
      "git_commit.ts",
      "hash.ts",
      "held_folder.ts",
      "json_object.ts",
      "lines.ts",
      "package_data.ts",
      "quoted.ts",
      "text_file.ts",
      "write_atomic.ts",
      "zip_member.ts",
    ],
  },
};

/** Files that gather a room's names for users: importing them is importing the room. */
const ENTRY = /(^|\/)mod\.ts$/;

/** The innermost room of the plan that a file stands in. */
export function roomOf(file: string, rooms: Readonly<Record<string, Room>> = ROOMS): string | undefined {
  const parts = file.split("/").slice(0, -1);
  for (let depth = parts.length; depth > 0; depth--) {
    const room = parts.slice(0, depth).join("/");
    if (Object.hasOwn(rooms, room)) return room;
  }
  return ENTRY.test(file) ? parts.join("/") || "." : undefined;
}

/** An import from one room into another. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly file: string;
  readonly target: string;
}

/** Every import of lib/ that crosses rooms; entry points gather names and have none. */
export function arrows(graph: readonly Imports[], rooms: Readonly<Record<string, Room>> = ROOMS): Arrow[] {
  return graph.filter(({ file }) => !ENTRY.test(file)).flatMap(({ file, files }) => {
    const from = roomOf(file, rooms) ?? "(no room)";
    return files.filter((target) => !target.startsWith("../")).map((target) => ({
      from,
      to: roomOf(target, rooms) ?? "(no room)",
      file,
      target,
    })).filter(({ from, to }) => from !== to);
  });
}

/** What the code does that the plan does not say, and what the plan says that the code does not do, in words. */
export function differences(graph: readonly Imports[], rooms: Readonly<Record<string, Room>> = ROOMS): string[] {
  const found = arrows(graph, rooms);
  const wrong = found.flatMap(({ from, to, file, target }) => {
    if (!rooms[from]?.uses.includes(to)) return [`${file} imports ${target}: ${from} does not use ${to}`];
    const door = target.slice(to.length + 1);
    const open = ENTRY.test(target) || rooms[to]?.door.includes(door);
    return open ? [] : [`${file} imports ${target}: it is no door of ${to}`];
  });
  const unused = Object.entries(rooms).flatMap(([room, { uses, door }]) => [
    ...uses.filter((to) => !found.some((arrow) => arrow.from === room && arrow.to === to))
      .map((to) => `no file of ${room} imports from ${to}`),
    ...door.filter((file) => !found.some(({ target }) => target === `${room}/${file}`))
      .map((file) => `no other room imports ${room}/${file}`),
  ]);
  return [...new Set([...wrong, ...unused])];
}

/**
 * The floor of each room, 1 at the ground: one above the highest room that it uses.
 *
 * @throws {RangeError} if rooms use each other in a circle
 */
export function floors(rooms: Readonly<Record<string, Pick<Room, "uses">>> = ROOMS): Map<string, number> {
  const known = new Map<string, number>();
  // A name that is no room is the entry point of all rooms in it.
  const usedBy = (room: string) =>
    rooms[room]?.uses ?? Object.keys(rooms).filter((inner) => inner.startsWith(`${room}/`));
  const floorOf = (room: string, above: readonly string[]): number => {
    if (above.includes(room)) {
      throw new RangeError(`Cannot place rooms that use each other: ${[...above, room].join(" → ")}`);
    }
    const floor = known.get(room) ??
      1 + Math.max(0, ...usedBy(room).map((to) => floorOf(to, [...above, room])));
    known.set(room, floor);
    return floor;
  };
  for (const room of Object.keys(rooms)) floorOf(room, []);
  return known;
}

/** Groups of files that import each other in a circle, type imports counted (Tarjan's algorithm, 1972). */
export function fileCircles(graph: readonly Imports[]): string[][] {
  const imports = new Map(graph.map(({ file, files }) => [file, files]));
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    lowest.set(file, index.get(file)!);
    open.push(file);
    for (const to of imports.get(file) ?? []) {
      if (!imports.has(to)) continue;
      if (!index.has(to)) visit(to);
      if (open.includes(to)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(to)!));
    }
    if (lowest.get(file) !== index.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1 || imports.get(file)?.includes(file)) circles.push(circle.sort());
  };
  for (const { file } of graph) if (!index.has(file)) visit(file);
  return circles;
}
