import { closeSync, mkdirSync, openSync, writeSync } from "node:fs"
import { open, rm, rmdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { createLog, type Log } from "../log.js"
import type { LogFacts, LogLevel } from "./kind.js"
import { isRunId } from "./run-ids.js"

/** A line of a run's log. */
export interface LogLine {
  /** Unix milliseconds. */
  readonly time: number
  readonly level: LogLevel
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

export interface LogPage {
  readonly lines: readonly LogLine[]
  /** The byte to go on from. */
  readonly next: number
}

export interface LogBounds {
  /** Beyond so many bytes only warnings and errors are kept, */
  readonly usual: number
  /** and beyond so many nothing but how it ended. */
  readonly most: number
}

const usualBounds: LogBounds = { usual: 4 * 1024 * 1024, most: 5 * 1024 * 1024 }
const LONGEST_TEXT = 4096
const MOST_FACTS = 30
const PAGE_BYTES = 256 * 1024

/** The log of one run: JSON lines in a file that cannot grow without end. A disk that takes none of it does not end the run. */
export class RunLog {
  readonly #bounds: LogBounds
  readonly #log: Log
  #file: number | undefined
  #size = 0
  #leftOut = 0
  #grown: (() => void)[] = []
  /** Why nothing, or not everything, could be written. */
  trouble: unknown

  constructor(path: string, bounds: LogBounds) {
    this.#bounds = bounds
    // The one place where secrets are struck out is the daemon's log.
    this.#log = createLog("debug", {
      write: (text) => {
        this.#append(text)
      },
      flushSync: () => undefined,
    })
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      this.#file = openSync(path, "a", 0o600)
    } catch (error) {
      this.trouble = error
    }
  }

  write(level: LogLevel, message: string, facts: LogFacts = {}): void {
    const { usual, most } = this.#bounds
    const room = level === "warn" || level === "error" ? most : usual
    if (this.#size >= room) this.#leftOut += 1
    else this.#log.log[level](bounded(facts), shortened(message))
  }

  /** Writes how it ended, whatever the size, and closes. */
  end(message: string, facts: LogFacts = {}): void {
    if (this.#leftOut > 0) this.#log.log.warn(`the log is full: ${this.#leftOut} lines were left out`)
    this.#leftOut = 0
    this.#log.log.info(bounded(facts), shortened(message))
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    this.#wake()
  }

  /** Resolves when there is more, or it is over, or `ms` have passed. */
  grows(ms: number): Promise<void> {
    if (this.#file === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#grown.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #append(text: string): void {
    if (this.#file === undefined) return
    try {
      this.#size += writeSync(this.#file, text)
    } catch (error) {
      this.trouble ??= error
      this.#leftOut += 1
    }
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#grown
    this.#grown = []
    for (const wake of waiting) wake()
  }
}

/** The log files of all runs, in folders of some hours each below the state directory. */
export class RunLogs {
  readonly #folder: string
  readonly #bounds: LogBounds

  constructor(stateDirectory: string, bounds: LogBounds = usualBounds) {
    this.#folder = join(stateDirectory, "runs")
    this.#bounds = bounds
  }

  create(run: string): RunLog {
    return new RunLog(this.#path(run), this.#bounds)
  }

  /** Whole lines from a byte on, some hundred kilobytes at most. No file, or an end that was cut off by a crash: no lines. */
  async read(run: string, from: number): Promise<LogPage> {
    const file = await open(this.#path(run), "r").catch(() => undefined)
    if (file === undefined) return { lines: [], next: from }
    try {
      const buffer = Buffer.alloc(PAGE_BYTES)
      const { bytesRead } = await file.read(buffer, 0, PAGE_BYTES, from)
      const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1
      const text = buffer.toString("utf8", 0, end)
      return { lines: text.split("\n").flatMap(parsedLine), next: from + end }
    } finally {
      await file.close()
    }
  }

  /** Removes the logs of these runs, and folders that are empty then. What cannot be removed stays. */
  async remove(runs: readonly string[]): Promise<void> {
    const folders = new Set<string>()
    for (const run of runs) {
      const path = this.#path(run)
      folders.add(dirname(path))
      await rm(path, { force: true }).catch(() => undefined)
    }
    for (const folder of folders) await rmdir(folder).catch(() => undefined)
  }

  #path(run: string): string {
    if (!isRunId(run)) throw new Error("not the id of a run")
    return join(this.#folder, run.slice(0, 5), `${run}.log`)
  }
}

function bounded(facts: LogFacts): LogFacts {
  const entries = Object.entries(facts).slice(0, MOST_FACTS)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === "string" ? shortened(value) : value]),
  )
}

function shortened(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
}

const levels: readonly unknown[] = ["debug", "info", "warn", "error"] satisfies LogLevel[]

function parsedLine(line: string): LogLine[] {
  if (line === "") return []
  try {
    const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>
    if (typeof time !== "number" || typeof msg !== "string" || !levels.includes(level)) return []
    return [{ time, level: level as LogLevel, message: msg, facts }]
  } catch {
    return []
  }
}
