import type { Fleet } from "../../answers/index.js"
import { HttpError } from "../../http/index.js"

/** Which directories are asked for; without words all. */
export interface DirectoryFilter {
  readonly store?: string | undefined
  readonly repository?: string | undefined
}

/** Throws HttpError 404 for a store or repository that is not declared: that there is nothing would be another answer. */
export function refuseUnknown(
  { store, repository }: DirectoryFilter,
  { document, repositories }: Fleet,
): void {
  if (store !== undefined && !document.stores.some(({ name }) => name === store))
    throw new HttpError(404, "not_found", `No store is called ${store}.`)
  if (repository !== undefined && !repositories.some(({ entry }) => entry.name === repository))
    throw new HttpError(404, "not_found", `No repository is called ${repository}.`)
}
