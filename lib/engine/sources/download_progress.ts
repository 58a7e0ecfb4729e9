/** How far a download is. */
export interface DownloadProgress {
  /** What is being fetched. */
  readonly file: string;
  /** Bytes that are here. */
  readonly received: number;
  /** Bytes in all, where the server says. */
  readonly total: number | undefined;
}

/** Options of everything that may fetch. */
export interface FetchOptions {
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}
