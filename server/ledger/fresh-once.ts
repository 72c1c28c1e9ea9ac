import { type FreshWindow, FreshWindows, type StateDatabase, type VolumeKey } from "../db/index.js"
import { LedgerError } from "./errors.js"
import { volumeName } from "./volume-name.js"
import type { WriteHealth } from "./write-health.js"

/** An administrator lets one volume come up empty, for a quarter of an hour: a cluster's create asks three times. */
export class FreshOnce {
  readonly #table
  readonly #health
  #windows: FreshWindow[]
  /** Ended in memory only, until a write succeeds. */
  readonly #unsaved = new Set<number>()

  constructor(database: StateDatabase, health: WriteHealth) {
    this.#table = new FreshWindows(database.connection)
    this.#health = health
    this.#windows = this.#table.all()
  }

  /** Throws LedgerError `invalid` for a window of no length or above a day, DatabaseError when it cannot be written. */
  allow(volume: VolumeKey, by: string, at: number, minutes = 15): FreshWindow {
    if (!(minutes > 0 && minutes <= 1440)) {
      throw new LedgerError("invalid", `a window of ${minutes} minutes`, "Allow between 1 minute and a day.")
    }
    const window = this.#table.add(volume, at, at + Math.ceil(minutes * 60_000), by)
    this.#windows.push(window)
    return window
  }

  /** The window that is open now. A clock set back to before it was opened closes it. */
  active(volume: VolumeKey, now: number): FreshWindow | undefined {
    const name = volumeName(volume)
    return this.#windows.findLast((window) => volumeName(window.volume) === name && isOpen(window, now))
  }

  /** Every window of any volume that is open now. */
  open(now: number): FreshWindow[] {
    return this.#windows.filter((window) => isOpen(window, now))
  }

  /** Ends every open window of the volume before its time, at once in memory; says whether there was one. */
  end(volume: VolumeKey, why: string, at: number): boolean {
    const name = volumeName(volume)
    const open = this.#windows.filter((window) => volumeName(window.volume) === name && isOpen(window, at))
    const ids = new Set(open.map((window) => window.id))
    this.#windows = this.#windows.map((window) =>
      ids.has(window.id) ? { ...window, ended: { at, why } } : window,
    )
    for (const id of ids) this.#unsaved.add(id)
    this.retry()
    return open.length > 0
  }

  /** Writes down the ends that could not be written so far: a window must not be open again after a restart. */
  retry(): void {
    if (this.#unsaved.size === 0) return
    const saved = this.#health.attempt(() => {
      for (const { id, ended } of this.#windows) {
        if (ended !== undefined && this.#unsaved.has(id)) this.#table.end(id, ended.at, ended.why)
      }
    })
    if (saved) this.#unsaved.clear()
  }

  /** Every window there ever was, oldest first. */
  history(): readonly FreshWindow[] {
    return this.#windows
  }
}

function isOpen(window: FreshWindow, now: number): boolean {
  return window.ended === undefined && window.openedAt <= now && now < window.until
}
