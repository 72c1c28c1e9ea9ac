import { isAround } from "../../../storage/nfs/index.js"
import type { ExportJson } from "../../http/contract/admin.js"

/** The code of a directory that is being rolled back, or whose roll back was interrupted. */
export const ROLL_BACK = "roll_back"

type Problem = NonNullable<ExportJson["problem"]>

interface Keeping {
  readonly directory: string
  readonly problem: Problem
  readonly reach: "within" | "around"
}

/** Directories that clients must not reach just now: what is exported of them is withdrawn meanwhile. */
export class KeptOut {
  readonly #keepings = new Map<string, Keeping>()

  /**
   * `directory` is absolute and really there. `within`: exports of it and in it; `around`: also those that it lies in. The problem's code
   * tells the keepings of one directory apart.
   */
  add(directory: string, problem: Problem, reach: Keeping["reach"]): void {
    this.#keepings.set(keyOf(directory, problem.code), { directory, problem, reach })
  }

  remove(directory: string, code: string): void {
    this.#keepings.delete(keyOf(directory, code))
  }

  /** Those of this code in a directory, and it. */
  within(directory: string, code: string): string[] {
    return [...this.#keepings.values()]
      .filter((one) => one.problem.code === code && isAround(directory, one.directory))
      .map((one) => one.directory)
  }

  /** Why a directory must not be exported; undefined: it may. */
  problemAt(directory: string): Problem | undefined {
    const keeping = [...this.#keepings.values()].find(
      (one) =>
        isAround(one.directory, directory) || (one.reach === "around" && isAround(directory, one.directory)),
    )
    return keeping?.problem
  }
}

function keyOf(directory: string, code: string): string {
  return `${code} ${directory}`
}
