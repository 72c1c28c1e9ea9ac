import { type Damage, damages, filesBelow } from "../../support/damage.js"
import type { Scene } from "./scene.js"

/** Something that may happen to what one of the scene's volumes rests on. */
export interface Fault {
  /** Goes on after "when". */
  readonly what: string
  readonly inject: (scene: Scene) => void | Promise<void>
  /** What the volume is told instead, while running and after a restart. */
  readonly told: string
}

/** What is told after each kind of damage. */
export type Codes = Readonly<Partial<Record<Damage, string>>>

export const corrupt: Codes = {
  removed: "repository_corrupt",
  "made unreadable": "repository_corrupt",
  emptied: "repository_corrupt",
  "cut short": "repository_corrupt",
  "changed in one bit": "repository_corrupt",
}

/** One fault for each kind of damage to the `nth` file that fits. */
export function damaged(what: string, path: string, pattern: RegExp, told: Codes, nth = 0): Fault[] {
  return Object.entries(told).map(([damage, code]) => ({
    what: `${what} is ${damage}`,
    told: code,
    inject: (scene) => {
      const file = filesBelow(scene.path(path), pattern).at(nth)
      if (file === undefined) throw new Error(`no file fits ${pattern.source}`)
      damages[damage as Damage](file)
    },
  }))
}
