import type { ErrorFacts, StorageErrorCode } from "../errors.js"
import type { Errand, Look } from "./look.js"
import type { Inventory } from "./stored-file.js"
import type { InventoryRequest } from "./take-inventory.js"

/** One at a time; each is answered by one message. */
export type ToReader =
  | { readonly kind: "inventory"; readonly request: InventoryRequest }
  | { readonly kind: "read"; readonly root: string; readonly errands: readonly Errand[] }

export type FromReader =
  | {
      readonly kind: "inventory"
      readonly inventory: Inventory
      /** Whether the disk below turns; undefined where nobody knows. */
      readonly rotates: boolean | undefined
    }
  /** In the order of the errands. */
  | { readonly kind: "looks"; readonly looks: readonly Look[] }
  | {
      readonly kind: "failure"
      readonly code: StorageErrorCode
      readonly message: string
      readonly facts: ErrorFacts
      readonly hint: string | undefined
    }
