/** Why a cell failed. */
export interface CellFailure {
  /** `error`: it threw, or showed an error; `timeout`: it ran too long; `died`: the kernel's process ended under it. */
  readonly kind: "error" | "timeout" | "died";
  /** The error's class, or what stands for it. */
  readonly name: string;
  readonly message: string;
  /** Where in the cell, if that is known. */
  readonly place?: Place;
}

/** A place in a cell's source; lines and columns count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}
