import { kopiaOpener } from "./kopia/content-opener.js"
import { resticOpener } from "./restic/content-opener.js"
import type { ContentOpener, OpenerSpec } from "./stored-contents.js"

/** The opener of the engine that wrote them. Throws `unsupported` for an algorithm that is not known. */
export async function createOpener(spec: OpenerSpec): Promise<ContentOpener> {
  return spec.engine === "kopia" ? kopiaOpener(spec) : resticOpener(spec)
}
