import { type FSWatcher, statSync, watch } from "node:fs"
import { join } from "node:path"

/** The kernel's default allowance of watches is 8,192 for all programs of a user; we leave most of the rest to others. */
const MOST_WATCHES = 6_000

/**
 * Watches the folders of places for new, changed and vanished entries. What cannot be watched (allowance used up, a
 * filesystem without events) is said by `set`, and the caller lists on a timer instead.
 */
export class FolderWatch {
  readonly #places = new Map<string, Map<string, FSWatcher>>()
  /** Which directory each place was: one that took its place is watched anew, because the old watches tell nothing of it. */
  readonly #roots = new Map<string, string>()
  readonly #changed: (place: string, file: string | undefined) => void
  #watches = 0

  /** `changed` hears of the place and the file, relative to its root; undefined where it may be any. */
  constructor(changed: (place: string, file: string | undefined) => void) {
    this.#changed = changed
  }

  /** Watches exactly these folders of the place from now on. Folders that do not exist are passed over. */
  set(place: string, root: string, folders: readonly string[]): { added: number; complete: boolean } {
    const directory = directoryAt(root)
    if (this.#roots.get(place) !== directory) this.drop(place)
    this.#roots.set(place, directory)
    const watchers = this.#places.get(place) ?? new Map<string, FSWatcher>()
    this.#places.set(place, watchers)
    const wanted = new Set(folders)
    for (const [folder, watcher] of watchers) {
      if (!wanted.has(folder)) this.#close(watchers, folder, watcher)
    }
    let added = 0
    let complete = true
    for (const folder of wanted) {
      if (watchers.has(folder)) continue
      const watcher = this.#watches < MOST_WATCHES ? this.#open(place, root, folder) : undefined
      if (watcher === undefined) {
        complete = false
        continue
      }
      // A folder that is removed or renamed away ends its watch; the next listing decides what to watch instead.
      watcher.on("error", () => {
        this.#close(watchers, folder, watcher)
        this.#changed(place, undefined)
      })
      watchers.set(folder, watcher)
      this.#watches++
      added++
    }
    return { added, complete }
  }

  drop(place: string): void {
    const watchers = this.#places.get(place) ?? new Map<string, FSWatcher>()
    for (const [folder, watcher] of watchers) this.#close(watchers, folder, watcher)
    this.#places.delete(place)
    this.#roots.delete(place)
  }

  #open(place: string, root: string, folder: string): FSWatcher | undefined {
    try {
      return watch(join(root, folder), { persistent: false }, (event, name) => {
        const file = name === null ? undefined : join(folder, name)
        this.#changed(place, event === "rename" && this.#unwatch(place, file) ? undefined : file)
      })
    } catch {
      // ENOSPC: the allowance is used up. ENOENT: the folder went away; either way the timer lists.
      return undefined
    }
  }

  /** A watch stays with its folder when that is renamed, and tells nothing of the one that took its name. */
  #unwatch(place: string, folder: string | undefined): boolean {
    const watchers = this.#places.get(place)
    const watcher = folder === undefined ? undefined : watchers?.get(folder)
    if (folder === undefined || watchers === undefined || watcher === undefined) return false
    this.#close(watchers, folder, watcher)
    return true
  }

  #close(watchers: Map<string, FSWatcher>, folder: string, watcher: FSWatcher): void {
    watcher.close()
    if (watchers.delete(folder)) this.#watches--
  }
}

/** Tells two directories apart; "" for none that can be looked at. */
function directoryAt(path: string): string {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev} ${ino}`
  } catch {
    // Gone or not readable: then it cannot be watched either, which `set` says.
    return ""
  }
}
