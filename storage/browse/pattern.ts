import { StorageError } from "../errors.js"
import { escapedWildcards, Wildcards } from "./wildcards.js"

export interface PatternOptions {
  readonly ignoreCase?: boolean
  /** Only below this directory: a path as it is, in which nothing stands for anything else. */
  readonly under?: string
}

/** How much of a pattern the names down to a directory have matched: one number for each way to read them. None: nothing below can fit. */
export type Progress = readonly number[]

/** Any number of directories. */
const DEEP = "**"
/** Paths that systems take have 4096 bytes. */
const LONGEST = 4096

/**
 * A pattern for paths. Without "/" it is for names at any depth, with one for paths from the top: `*` and `?` stay within a name, `**` is
 * any number of directories. A "/" at its end wants a directory. Names that are not UTF-8 have U+FFFD where they are not.
 */
export class PathPattern {
  readonly onlyDirectories: boolean
  /** Each is one name, or DEEP. */
  readonly #steps: readonly (Wildcards | string)[]

  /** Throws `invalid` for what no path can fit. */
  constructor(text: string, { ignoreCase = false, under = "" }: PatternOptions = {}) {
    const names = namesOf(text)
    if (names.length === 0 || text.length > LONGEST || under.length > LONGEST || names.some(isDots)) {
      throw new StorageError("invalid", "no path fits this pattern", {
        hint: 'Give a name such as "*.db", or a path such as "app/**/config.yaml".',
      })
    }
    this.onlyDirectories = text.endsWith("/")
    const deep = text.includes("/") && !isOneName(text) ? [] : [DEEP]
    // `a/**` is what is in a, not a itself.
    const last = names.at(-1) === DEEP ? ["*"] : []
    this.#steps = [
      ...namesOf(under).map((name) => new Wildcards(escapedWildcards(name), { ignoreCase: false })),
      ...deep,
      ...[...names, ...last].map((name) => (name === DEEP ? DEEP : new Wildcards(name, { ignoreCase }))),
    ]
  }

  get start(): Progress {
    return this.#closed([0])
  }

  /** After one more name. */
  step(progress: Progress, name: Uint8Array): Progress {
    const text = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString()
    const next: number[] = []
    for (const at of progress) {
      const step = this.#steps[at]
      if (step === DEEP) next.push(at)
      else if (step instanceof Wildcards && step.fits(text)) next.push(at + 1)
    }
    return this.#closed(next)
  }

  fits(progress: Progress): boolean {
    return progress.includes(this.#steps.length)
  }

  /** Whether something below may fit. */
  continues(progress: Progress): boolean {
    return progress.some((at) => at < this.#steps.length)
  }

  #closed(progress: readonly number[]): Progress {
    const all = new Set(progress)
    for (const at of all) if (this.#steps[at] === DEEP) all.add(at + 1)
    return [...all].sort((a, b) => a - b)
  }
}

function namesOf(text: string): string[] {
  return text.split("/").filter((name) => name !== "")
}

/** "logs/" is a name, of a directory. */
function isOneName(text: string): boolean {
  return text.indexOf("/") === text.length - 1
}

function isDots(name: string): boolean {
  return name === "." || name === ".."
}
