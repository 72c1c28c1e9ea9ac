import { StorageError } from "../../errors.js"

/** What TrueNAS does not export as it is wanted. */
export function notTaken(what: string, hint: string): StorageError {
  return new StorageError("unsupported", `the NFS server did not take it: ${what}`, { hint })
}

/** What is told of a failed change once it was undone, or could not be: then `undo` says why. */
export function afterUndo(error: StorageError, undo: StorageError | undefined): StorageError {
  // A share that TrueNAS refuses is not one that is not as we left it.
  const isRefusal = error.code === "invalid" || error.code === "missing"
  const told = isRefusal ? notTaken(error.message, error.hint ?? "") : error
  const [what, first] =
    undo === undefined
      ? [told.message, "The exports of before are back, without what was to be withdrawn."]
      : [
          `${told.message}; and it could not be undone: ${undo.message}`,
          "A part of the change may be in TrueNAS: apply again when it answers, and look at `cistern exports`.",
        ]
  const hints = [first, told.hint ?? "", undo?.hint ?? ""].filter((hint) => hint !== "")
  return new StorageError(told.code, what, {
    facts: { ...error.facts, ...(undo !== undefined && { undone: false }) },
    hint: [...new Set(hints)].join(" "),
    cause: error,
  })
}
