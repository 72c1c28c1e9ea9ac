import { isAround } from "../../../storage/nfs/index.js"
import type { ExportJson } from "../../http/contract/admin.js"

type Problem = NonNullable<ExportJson["problem"]>

/** Directories that clients must not reach just now: exports in them and around them are withdrawn meanwhile. */
export class KeptOut {
  readonly #directories = new Map<string, Problem>()

  add(directory: string, problem: Problem): void {
    this.#directories.set(directory, problem)
  }

  remove(directory: string): void {
    this.#directories.delete(directory)
  }

  /** Those in this directory, and it. */
  within(directory: string): string[] {
    return [...this.#directories.keys()].filter((one) => isAround(directory, one))
  }

  /** Why a directory must not be exported; undefined: it may. */
  problemAt(directory: string): Problem | undefined {
    for (const [one, problem] of this.#directories)
      if (isAround(one, directory) || isAround(directory, one)) return problem
    return undefined
  }
}
