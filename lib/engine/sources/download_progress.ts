import type { SourceSettings } from "./source_settings.ts";

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
  /** Called as bytes come in. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends the download; what has come is kept for the next try. */
  readonly signal?: AbortSignal;
  /** Where to look and fetch; by default what the environment says. */
  readonly settings?: SourceSettings;
}
