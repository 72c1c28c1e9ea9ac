import type { ArchiveFormat, ArchiveLoss } from "../../../storage/browse/index.js"
import type { PathJson } from "../../contents/index.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { printable } from "../printable.js"
import { printablePath } from "./entry-json.js"

/** What an archive lacks: what is left out, at once; what its format cannot hold, at the end, how often and where first. */
export class Remarks {
  readonly #context: Context
  readonly #losses = new Map<ArchiveLoss, { count: number; readonly first: PathJson }>()
  #problems = 0

  constructor(context: Context) {
    this.#context = context
  }

  leftOut(path: PathJson, { code, message }: { readonly code: string; readonly message: string }): void {
    this.#problems++
    this.#context.out.note(`left out: ${printablePath(path)}: ${printable(message)} [${code}]`)
  }

  loss(path: PathJson, loss: ArchiveLoss): void {
    const seen = this.#losses.get(loss)
    if (seen === undefined) this.#losses.set(loss, { count: 1, first: path })
    else seen.count++
  }

  end(format: ArchiveFormat): void {
    const words: Readonly<Record<ArchiveLoss, string>> = {
      kind: "left out, because of what it is",
      hard_link: "a file of its own, not one more name of another",
      name: "under another name",
      attributes: "without its extended attributes",
    }
    for (const [loss, { count, first }] of this.#losses) {
      const others = count === 1 ? "" : ` and ${count - 1} more`
      this.#context.out.note(`${format} cannot hold it: ${printablePath(first)}${others}: ${words[loss]}`)
    }
    if (this.#problems > 0) this.#context.exitWith(exitCodes.wrong)
  }
}
