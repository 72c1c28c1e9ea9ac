import type { PlaceSpec } from "./messages.js"

/** Repositories that are found by looking: one per volume, at a fixed depth below a folder. */
export interface FamilySpec {
  readonly name: string
  readonly store: string
  /** Absolute path of the folder that the template's fixed part names. */
  readonly root: string
  readonly depth: number
  /** Undefined for folders that the template cannot have made. */
  readonly specFor: (relativePath: string) => PlaceSpec | undefined
}

/** The last look for a family's members: when it began (monotonic ms), and why it or the one before failed. */
export interface Search {
  readonly at: number
  readonly trouble: string | undefined
}

/** The declared families, and when their members were looked for. */
export class Families {
  #specs: readonly FamilySpec[] = []
  #searches = new Map<string, Search>()

  /** Every family is looked for anew. */
  declare(specs: readonly FamilySpec[]): void {
    this.#specs = specs
    this.#searches = new Map()
  }

  /** What a directory is as a member of a family; undefined when it is none, or there is no such family. */
  member(family: string | undefined, directory: string): PlaceSpec | undefined {
    const spec = this.#specs.find(({ name }) => name === family)
    return spec?.specFor(directory.startsWith(`${spec.root}/`) ? directory.slice(spec.root.length + 1) : "")
  }

  lastSearch(family: string): Search | undefined {
    return this.#searches.get(family)
  }

  /** Those that were not looked for in the last `everyMs`. */
  due(now: number, everyMs: number): FamilySpec[] {
    return this.#specs.filter(({ name }) => {
      const last = this.#searches.get(name)
      return last === undefined || now - last.at >= everyMs
    })
  }

  /** Notes what a search came to. Until then a running one has the trouble of the one before. */
  note(family: string, search: Search): void {
    this.#searches.set(family, search)
  }
}
