import type { StorageError, StorageErrorCode } from "../errors.js"
import type { DamageCode } from "./types.js"

const codes: Readonly<Partial<Record<StorageErrorCode, DamageCode>>> = {
  missing: "missing",
  corrupt: "corrupt",
  invalid: "corrupt",
  io: "io",
  unreadable: "unreadable",
  unsupported: "unsupported",
}

/** What a failed reading says of what was read. Undefined: it says nothing of it, and the run cannot go on. */
export function damageCodeOf({ code }: StorageError): DamageCode | undefined {
  return codes[code]
}
