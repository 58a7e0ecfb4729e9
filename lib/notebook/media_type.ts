/** Whether a media type's content is JSON, not text. */
export function isJson(mediaType: string): boolean {
  return /^application\/(?:.*\+)?json$/.test(mediaType);
}
