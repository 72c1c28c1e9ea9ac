import { StorageError } from "../errors.js"
import { parsePathTemplate } from "../identity/index.js"

/** Characters that change how a line is shown: a document is read by people before it is applied. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** Why a document should not, or cannot, name this path below a store; undefined: it can. */
export function whyInexpressible(path: string): string | undefined {
  if (UNSHOWN.test(path)) return "its name holds characters that are not shown"
  if (path === "") return undefined
  try {
    parsePathTemplate({ path, cluster: "any" })
    return undefined
  } catch (error) {
    if (error instanceof StorageError) return "the document cannot hold a path with braces or a backslash"
    throw error
  }
}
