import type { FenceRecord } from "../../../storage/disk/index.js"
import { HttpError } from "../../http/index.js"

/**
 * Refuses stores of one id: a disk that was copied with its sentinel, say. What is remembered is keyed by that id, so that the
 * backups of the one would stand for those of the other. `fences` are those about to be kept. Throws HttpError 409.
 */
export function refuseTwins(
  stores: readonly { readonly name: string; readonly path: string }[],
  fences: ReadonlyMap<string, FenceRecord>,
  fenceOf: (store: string) => FenceRecord | undefined,
): void {
  const seen = new Map<string, string>()
  for (const { name, path } of stores) {
    const id = (fences.get(name) ?? fenceOf(name))?.sentinel
    if (id === undefined) continue
    const twin = seen.get(id)
    if (twin !== undefined) {
      throw new HttpError(
        409,
        "same_store",
        `The stores ${twin} and ${name} have the same sentinel, ${id}.`,
        {
          hint: `One is a copy of the other. Remove .cistern from the copy, such as ${path}, and try again.`,
        },
      )
    }
    seen.set(id, name)
  }
}
