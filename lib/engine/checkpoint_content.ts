import type { Checkpoint } from "./checkpoint.ts";

/** What a reader makes of a checkpoint's bytes; its path, hash and open files are added at the edge. */
export type CheckpointContent = Pick<Checkpoint, "config" | "tensors" | "readTensor" | "tokenizer">;
