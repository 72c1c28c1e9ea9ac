import { StorageError } from "../errors.js"
import type { NfsExport } from "./export.js"

/** A wanted export that a server cannot have, or that would not be there what is wanted. */
export interface ExportRefusal {
  readonly path: string
  readonly message: string
  readonly hint: string
}

/** Those of the exports for which `check` throws StorageError. */
export function refusalsBy(
  check: (one: NfsExport) => void,
  wanted: readonly NfsExport[],
): readonly ExportRefusal[] {
  return wanted.flatMap((one) => {
    try {
      check(one)
      return []
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      return [refusalOf(one, error)]
    }
  })
}

export function refusalOf({ path }: NfsExport, { message, hint }: StorageError): ExportRefusal {
  return { path, message, hint: hint ?? "Do not export it." }
}
