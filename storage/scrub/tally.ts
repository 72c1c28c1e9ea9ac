import type { Verdict } from "./judge.js"
import type { BlobRecord, ScrubLedger } from "./ledger.js"
import type { ScrubReport } from "./report.js"
import type { Damage, Inventory, StoredFile, Unread } from "./stored-file.js"

/** After so many files in a row that cannot be read, it is the disk, and reading on would only hurt it. */
const MOST_FAILURES = 100

/** The most that is read again after a crash. */
const SAVE_MS = 1000

/** Gathers what becomes of every file, and hands the ledger what it is to remember. */
export class Tally {
  skipped = 0
  /** How many were looked at. */
  files = 0
  readonly unsettled: string[] = []
  readonly #inventory: Inventory
  readonly #ledger: ScrubLedger | undefined
  readonly #bad: Damage[]
  readonly #unread: Unread[]
  readonly #unknown: string[] = []
  readonly #unsteady: string[] = []
  readonly #changed: string[] = []
  #batch = new Map<string, BlobRecord>()
  #saved = performance.now()
  #checked = 0
  #recorded = 0
  #gone = 0
  #failuresInARow = 0

  constructor(inventory: Inventory, ledger: ScrubLedger | undefined) {
    this.#inventory = inventory
    this.#ledger = ledger
    this.#bad = [...inventory.damage]
    this.#unread = [...inventory.unread]
  }

  add(file: StoredFile, verdict: Verdict): void {
    const { path } = file
    if (verdict.kind === "stopped") return
    this.files++
    this.#failuresInARow = verdict.kind === "bad" && verdict.code === "io" ? this.#failuresInARow + 1 : 0
    switch (verdict.kind) {
      case "right":
      case "first":
        this.#remember(file, verdict)
        return
      case "bad":
        if (verdict.code === "corrupt") this.#checked++
        this.#bad.push({ blob: path, code: verdict.code })
        return
      case "unread":
        this.#unread.push({ blob: path, code: verdict.code })
        return
      case "unsettled":
        this.unsettled.push(path)
        return
      case "gone":
        this.#gone++
    }
  }

  /** Has the ledger remember what was found, unless it did so a moment ago: each time, the disk is waited for. */
  saveSometimes(): void {
    if (performance.now() - this.#saved > SAVE_MS) this.save()
  }

  save(): void {
    this.#saved = performance.now()
    if (this.#batch.size === 0) return
    this.#ledger?.checked(this.#batch)
    this.#batch = new Map()
  }

  get mustStop(): boolean {
    return this.#failuresInARow >= MOST_FAILURES
  }

  report({ bytes, seconds, aborted }: { bytes: number; seconds: number; aborted: boolean }): ScrubReport {
    const { engine, temporary, foreign } = this.#inventory
    return {
      engine,
      checked: this.#checked,
      bytes,
      seconds,
      bad: [...this.#bad].sort((a, b) => (a.blob < b.blob ? -1 : 1)),
      unread: this.#unread,
      unknown: this.#unknown.sort(),
      recorded: this.#recorded,
      changed: this.#changed,
      unsettled: this.unsettled,
      unsteady: this.#unsteady,
      gone: this.#gone + this.#lost(),
      skipped: this.skipped,
      temporary,
      foreign,
      stopped: this.mustStop ? "disk" : aborted ? "aborted" : undefined,
    }
  }

  #remember({ path, oftenRewritten }: StoredFile, verdict: Verdict & { kind: "right" | "first" }): void {
    if (verdict.unsteady) this.#unsteady.push(path)
    if (verdict.kind === "right") this.#checked++
    else if (this.#ledger === undefined) this.#unknown.push(path)
    else {
      if (!oftenRewritten && this.#ledger.known(path) !== undefined) this.#changed.push(path)
      this.#recorded++
    }
    if (this.#ledger !== undefined) this.#batch.set(path, verdict.record)
  }

  /** How many files the ledger knows that no longer lie there. */
  #lost(): number {
    if (this.#ledger === undefined) return 0
    const { files, damage, unread } = this.#inventory
    const there = new Set(files.map(({ path }) => path))
    // What lies in a folder that could not be listed is not gone.
    const isWhole = unread.length === 0 && !damage.some(({ code }) => code === "io")
    if (isWhole && this.#ledger.listed !== undefined) return this.#ledger.listed(there)
    let lost = 0
    for (const path of this.#ledger.paths()) if (!there.has(path)) lost++
    return lost
  }
}
