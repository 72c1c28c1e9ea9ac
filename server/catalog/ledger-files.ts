import { type FenceState, keepStoreFile, readStoreFile, setStoreFileAside } from "../../storage/disk/index.js"
import { StorageError } from "../../storage/index.js"
import { LARGEST_COPY, saysTheSame } from "../ledger/copy-body.js"
import type { Fenced, PlaceSpec } from "./messages.js"

/** Names in a store's own folder. */
export const ledgerFiles = {
  copy: "ledger.json",
  previous: "ledger.previous.json",
  refused: "ledger.refused.json",
} as const

export interface KeepCopyRequest {
  /** The store's own. It must hold, and have a sentinel. */
  readonly fences: PlaceSpec["fences"]
  /** Absolute path of the store. */
  readonly store: string
  readonly bytes: Uint8Array
}

export type KeptCopy =
  | { readonly kind: "kept" }
  /** What lies there says the same already. */
  | { readonly kind: "unchanged" }
  | { readonly kind: "read_only" }
  | { readonly kind: "fenced"; readonly state: Fenced }

/** A copy as it was found, or why it could not even be read. */
export type FoundCopy = { readonly name: string } & (
  { readonly bytes: Uint8Array } | { readonly refused: string }
)

/** Replaces the copy in a store and keeps the one before, where its `fence` holds. Throws StorageError. */
export function keepLedgerCopy({ store, bytes }: KeepCopyRequest, fence: FenceState): KeptCopy {
  if (fence.kind === "fenced") return { kind: "fenced", state: fence }
  if (fence.readOnly === true) return { kind: "read_only" }
  const found = foundCopy(store, ledgerFiles.copy)
  if (found !== undefined && "bytes" in found && saysTheSame(found.bytes, bytes)) return { kind: "unchanged" }
  keepStoreFile(store, ledgerFiles.copy, ledgerFiles.previous, bytes)
  return { kind: "kept" }
}

/** The copies that lie in a store, the newest first. */
export function findLedgerCopies(store: string): FoundCopy[] {
  return [ledgerFiles.copy, ledgerFiles.previous].flatMap((name) => foundCopy(store, name) ?? [])
}

/** Moves a copy that is not believed out of the way of the next one. False when it stays where it is. */
export function setLedgerCopyAside(store: string): boolean {
  return setStoreFileAside(store, ledgerFiles.copy, ledgerFiles.refused)
}

function foundCopy(store: string, name: string): FoundCopy | undefined {
  try {
    const bytes = readStoreFile(store, name, LARGEST_COPY)
    return bytes === undefined ? undefined : { name, bytes }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return { name, refused: error.message }
  }
}
