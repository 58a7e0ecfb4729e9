import { type HubModel, placeLabel, type ResolvedModel } from "../known_models.ts";
import { type SourceSettings, sourceSettings } from "../settings.ts";
import { findFetched } from "./fetch_from_hub.ts";
import { findInHubCache } from "./hub_cache.ts";

/** A model of the hub that is on this machine: in Hugging Face's own cache, or fetched earlier. */
export function findHubModel(
  model: HubModel,
  settings: SourceSettings = sourceSettings(),
): ResolvedModel | undefined {
  const { name } = model;
  const label = placeLabel(model);
  const cached = findInHubCache(model, settings);
  if (cached !== undefined) return { name, path: cached, source: `the Hugging Face cache (${label})` };
  const fetched = findFetched(model, settings);
  return fetched && { name, path: fetched.path, source: `the model hub (${label}), fetched earlier` };
}
