import type { PathJson } from "../../contents/index.js"
import { printable } from "../printable.js"

export { textOf } from "../../contents/index.js"

/** A path for people, harmless for a terminal. */
export function printablePath({ path, pathBase64 }: PathJson): string {
  return path === undefined ? `base64:${pathBase64 ?? ""}` : printable(path)
}
