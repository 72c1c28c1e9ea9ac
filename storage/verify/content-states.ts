import type { StoredContents } from "../stored-contents.js"
import type { DamageCode } from "./types.js"

const NEEDED = 1
const WALKED = 2
const READ = 4
/** By an earlier run or round. */
const REMEMBERED = 8

const codes: readonly DamageCode[] = [
  "missing",
  "truncated",
  "not_indexed",
  "corrupt",
  "io",
  "unreadable",
  "unsupported",
]
const WHOLE = 0
/** Beyond this many, contents in no index are counted and not named. */
const MOST_UNINDEXED = 100_000

/** What is known of every content in one round: a few bytes each, because there are a million. */
export class ContentStates {
  readonly #stored: StoredContents
  readonly #flags: Uint8Array
  readonly #losses: Uint8Array
  /** Day of the last reading, from 1970; 0 for never. */
  readonly readDay: Uint16Array
  readonly #unindexed = new Set<string>()
  #unindexedBeyond = 0
  readonly #suspects: { readonly row: number; readonly pack: number; readonly code: DamageCode }[] = []
  readonly #badPlaces: { readonly pack: number; readonly code: DamageCode }[] = []
  #neededCount = 0
  #lostCount = 0

  constructor(stored: StoredContents) {
    this.#stored = stored
    this.#flags = new Uint8Array(stored.contentCount)
    this.#losses = new Uint8Array(stored.contentCount)
    this.readDay = new Uint16Array(stored.contentCount)
  }

  get neededCount(): number {
    return this.#neededCount
  }

  /** Nothing that is needed is lost. */
  get isWhole(): boolean {
    return this.#lostCount === 0 && this.#unindexed.size === 0
  }

  /** Contents that are needed and in no index; at most 100,000 are named. */
  get unindexed(): ReadonlySet<string> {
    return this.#unindexed
  }

  get unindexedBeyond(): number {
    return this.#unindexedBeyond
  }

  need(content: string): void {
    const row = this.#stored.rowOf(content)
    if (row !== undefined) this.needRow(row)
    else if (this.#unindexed.size < MOST_UNINDEXED || this.#unindexed.has(content))
      this.#unindexed.add(content)
    else this.#unindexedBeyond++
  }

  needRow(row: number): void {
    const flags = this.#flags[row] ?? 0
    if ((flags & NEEDED) !== 0) return
    this.#flags[row] = flags | NEEDED
    this.#neededCount++
  }

  isNeeded(row: number): boolean {
    return ((this.#flags[row] ?? 0) & NEEDED) !== 0
  }

  /** False when it was marked before. */
  markWalked(row: number): boolean {
    const flags = this.#flags[row] ?? 0
    if ((flags & WALKED) !== 0) return false
    this.#flags[row] = flags | WALKED
    return true
  }

  isWalked(row: number): boolean {
    return ((this.#flags[row] ?? 0) & WALKED) !== 0
  }

  markRead(row: number, day: number): void {
    this.#flags[row] = (this.#flags[row] ?? 0) | READ
    this.readDay[row] = day
  }

  isRead(row: number): boolean {
    return ((this.#flags[row] ?? 0) & READ) !== 0
  }

  markRemembered(row: number, day: number): void {
    this.markRead(row, day)
    this.#flags[row] = (this.#flags[row] ?? 0) | REMEMBERED
  }

  isRemembered(row: number): boolean {
    return ((this.#flags[row] ?? 0) & REMEMBERED) !== 0
  }

  /** A place of it cannot be read. Another one may be whole. */
  markSuspect(row: number, pack: number, code: DamageCode): void {
    this.#suspects.push({ row, pack, code })
  }

  /** Makes lost what was read in no place. */
  settleSuspects(): void {
    for (const { row, pack, code } of this.#suspects.splice(0)) {
      if (!this.isRead(row)) this.markLost(row, code)
      else this.#badPlaces.push({ pack, code })
    }
  }

  /** Places that cannot be read, of contents that can be read elsewhere. */
  get badPlaces(): readonly { readonly pack: number; readonly code: DamageCode }[] {
    return this.#badPlaces
  }

  /** Day of the oldest reading of what is needed; undefined when nothing of it was read. */
  get oldestReading(): number | undefined {
    let oldest: number | undefined
    for (let row = 0; row < this.#flags.length; row++) {
      if (!this.isNeeded(row) || !this.isRead(row)) continue
      const day = this.readDay[row] ?? 0
      if (oldest === undefined || day < oldest) oldest = day
    }
    return oldest
  }

  /** The first code stays. */
  markLost(row: number, code: DamageCode): void {
    if (this.#losses[row] !== WHOLE) return
    this.#losses[row] = codes.indexOf(code) + 1
    this.#lostCount++
  }

  lossOf(row: number): DamageCode | undefined {
    const loss = this.#losses[row] ?? WHOLE
    return loss === WHOLE ? undefined : codes[loss - 1]
  }

  lossOfContent(content: string): DamageCode | undefined {
    const row = this.#stored.rowOf(content)
    return row === undefined ? "not_indexed" : this.lossOf(row)
  }
}
