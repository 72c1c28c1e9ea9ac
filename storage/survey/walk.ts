import { lstatSync, type Stats } from "node:fs"
import { join } from "node:path"
import { fileError } from "../blobs/index.js"
import { locate, type Location } from "../disk/index.js"
import { StorageError } from "../errors.js"
import { type Folder, readFolder } from "./folder.js"
import { type MountBelow, mountsBelow } from "./mounts-below.js"
import { MARKS, recognise } from "./recognise.js"
import type { FoundRepository, Survey, SurveyLimits, Unlooked } from "./survey.js"

/** So many folders are named of those that a limit leaves out; of the others it is said how many there are. */
const MOST_NAMED = 20

interface Waiting {
  readonly path: string
  readonly depth: number
}

/**
 * Looks for repositories at and below a directory, level by level, and changes nothing. Follows no links below it, opens no file,
 * and goes into no repository. Throws StorageError `missing`, `unreadable`, `io` for the directory itself; of everything below,
 * what cannot be looked at is in the result.
 */
export function surveyTree(directory: string, limits: SurveyLimits): Survey {
  return new Walk(locate(directory), limits).run()
}

class Walk {
  readonly #top: Location
  readonly #limits: SurveyLimits
  readonly #mounts: ReadonlyMap<string, MountBelow>
  /** Directories by device and number: one that is mounted twice is looked at once. */
  readonly #seen = new Map<string, string>()
  readonly #repositories: FoundRepository[] = []
  readonly #copies: string[] = []
  readonly #empty: string[] = []
  readonly #withFiles: string[] = []
  readonly #strayShards: string[] = []
  readonly #crossed: MountBelow[] = []
  readonly #unlooked: Unlooked[] = []
  #folders = 0
  #names = 0

  constructor(top: Location, limits: SurveyLimits) {
    this.#top = top
    this.#limits = limits
    this.#mounts = mountsBelow(top)
  }

  run(): Survey {
    let level: Waiting[] = [{ path: "", depth: 0 }]
    while (level.length > 0) {
      const below: Waiting[] = []
      for (const [at, folder] of level.entries()) {
        const reason = this.#exhausted(folder.depth)
        if (reason === undefined) {
          for (const next of this.#look(folder)) below.push(next)
          continue
        }
        this.#leave([...level.slice(at), ...below], reason)
        return this.#result()
      }
      level = below
    }
    return this.#result()
  }

  #exhausted(depth: number): string | undefined {
    const { depth: deepest, names, now, deadline } = this.#limits
    if (depth > deepest) return `it is deeper than ${deepest} levels`
    if (this.#names >= names) return `${names} names were read before`
    return now() >= deadline ? "the time was over" : undefined
  }

  #leave(folders: readonly Waiting[], reason: string): void {
    for (const { path } of folders.slice(0, MOST_NAMED))
      this.#note(path, "limit", `not looked into: ${reason}`)
    const more = folders.length - MOST_NAMED
    if (more > 0) this.#note("", "limit", `${more} more folders were not looked into: ${reason}`)
  }

  /** Looks at one folder, and gives those below it that are to be looked at. */
  #look({ path, depth }: Waiting): Waiting[] {
    const absolute = this.#absolute(path)
    const mount = path === "" ? undefined : this.#mounts.get(absolute)
    if (mount?.closed !== undefined) {
      this.#note(path, mount.closed.code, `not looked into: ${mount.closed.why}`)
      return []
    }
    try {
      const stats = lstatSync(absolute)
      if (!this.#isNew(path, stats)) return []
      if (mount !== undefined) this.#crossed.push(mount)
      const folder = this.#read(absolute, stats)
      return this.#sort(path, folder).map((name) => ({ path: below(path, name), depth: depth + 1 }))
    } catch (cause) {
      const error = fileError(cause, absolute, path)
      if (path === "") throw error
      this.#note(path, error.code, error.message)
      return []
    }
  }

  #isNew(path: string, stats: Stats): boolean {
    // Replaced since its name was read; links are not followed.
    if (!stats.isDirectory()) {
      throw new StorageError("missing", `${this.#absolute(path)} is no directory any more`)
    }
    const key = `${stats.dev}:${stats.ino}`
    const before = this.#seen.get(key)
    if (before === undefined) {
      this.#seen.set(key, path)
      return true
    }
    this.#note(path, "seen", `the same directory as ${this.#absolute(before)}, which was looked at`)
    return false
  }

  #read(absolute: string, stats: Stats): Folder {
    try {
      const most = Math.min(this.#limits.namesInFolder, this.#limits.names - this.#names)
      const folder = readFolder(absolute, most, MARKS)
      this.#folders++
      this.#names += folder.read
      return folder
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "unreadable") throw error
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0")
      throw new StorageError(
        error.code,
        `${error.message}: it belongs to ${stats.uid}:${stats.gid} with mode ${mode}`,
        { facts: error.facts, cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) },
      )
    }
  }

  /** Puts the folder where it belongs, and gives the names of folders to go on with. */
  #sort(path: string, folder: Folder): string[] {
    const found = recognise(folder.entries)
    switch (found.kind) {
      case "repository":
        this.#repositories.push({ path, engines: found.engines, irregular: found.irregular })
        return []
      case "copy":
        this.#copies.push(path)
        return []
      case "empty":
        if (folder.unnameable === 0) this.#empty.push(path)
        break
      case "plain":
        if (found.holdsFiles) this.#withFiles.push(path)
        if (found.strayShards) this.#strayShards.push(path)
    }
    this.#tellGaps(path, folder)
    return folder.entries
      .filter(({ kind }) => kind === "directory")
      .map(({ name }) => name)
      .sort()
  }

  #tellGaps(path: string, { more, read, unnameable }: Folder): void {
    if (more) this.#note(path, "limit", `only ${read} names of it were looked at, there are more`)
    if (unnameable > 0) {
      const folders =
        unnameable === 1 ? "1 folder in it has a name" : `${unnameable} folders in it have names`
      this.#note(path, "name", `${folders} that cannot be written as text (not UTF-8)`)
    }
  }

  #note(path: string, code: Unlooked["code"], message: string): void {
    this.#unlooked.push({ path, code, message })
  }

  #absolute(path: string): string {
    return path === "" ? this.#top.realPath : join(this.#top.realPath, path)
  }

  #result(): Survey {
    return {
      top: this.#top,
      repositories: this.#repositories,
      copies: this.#copies,
      empty: this.#empty,
      withFiles: this.#withFiles,
      strayShards: this.#strayShards,
      crossed: this.#crossed,
      unlooked: this.#unlooked,
      folders: this.#folders,
      names: this.#names,
    }
  }
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`
}
