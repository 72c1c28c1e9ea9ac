import { removeFile, replaceFile } from "../../disk/index.js"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import type { GaneshaBus } from "./bus.js"
import { renderGaneshaExport } from "./config.js"
import type { NumberedExport } from "./record.js"
import { untold } from "./reply.js"
import { parseDisplayed, parseShown, type ServedExport, type ShownExport } from "./served.js"
import type { GaneshaStep } from "./steps.js"

/** So many exports are asked for at a time. */
const ASKED_AT_ONCE = 4

/** The exports of a running server. Every method throws StorageError `unreadable`, `corrupt`, `timeout`. */
export class GaneshaExports {
  readonly #bus: GaneshaBus
  readonly #change: string

  /** `change` is the file from which the server reads an export that is added or changed. */
  constructor(bus: GaneshaBus, change: string) {
    this.#bus = bus
    this.#change = change
  }

  /** All of them, but for the root of its pseudo filesystem, which it makes by itself. */
  async shown(): Promise<ShownExport[]> {
    const answer = await this.#bus.call("ShowExports")
    if (!answer.ok) throw untold("what it exports", answer.said)
    return parseShown(answer.values).filter(({ id }) => id !== 0)
  }

  /** What it tells of those numbers; one that has gone meanwhile is left out. */
  async served(ids: readonly number[]): Promise<Map<number, ServedExport>> {
    const waiting = [...ids]
    const found = new Map<number, ServedExport>()
    const ask = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const answer = await this.#bus.call("DisplayExport", String(id))
        if (answer.ok) found.set(id, parseDisplayed(answer.values))
        else if (await this.#isShown(id)) throw untold("what it exports", answer.said)
      }
    }
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask))
    return found
  }

  /** The same after these steps. What they did not touch, and is still listed, is not asked for once more. */
  async servedAfter(
    steps: readonly GaneshaStep[],
    before: ReadonlyMap<number, ServedExport>,
  ): Promise<ReadonlyMap<number, ServedExport>> {
    if (steps.length === 0) return before
    const touched = new Set(steps.map(({ one }) => one.id))
    const ids = (await this.shown()).map(({ id }) => id)
    const after = await this.served(ids.filter((id) => touched.has(id)))
    for (const id of ids) {
      const one = before.get(id)
      if (one !== undefined && !touched.has(id)) after.set(id, one)
    }
    return after
  }

  /** Takes all steps, whichever fail, and gives what the server said to those. */
  async carryOut(steps: readonly GaneshaStep[]): Promise<string[]> {
    const said: string[] = []
    for (const step of steps) said.push(...(await this.#take(step)))
    if (steps.length > 0) removeFile(this.#change)
    return said
  }

  async #take({ kind, one }: GaneshaStep): Promise<string[]> {
    switch (kind) {
      case "add":
        return this.#load("AddExport", one, "1 exports added")
      case "update":
        return this.#load("UpdateExport", one, "1 exports updated")
      case "remove":
        return this.#remove(one)
      case "reopen": {
        const said = await this.#remove(one)
        return said.length > 0 ? said : this.#load("AddExport", one, "1 exports added")
      }
    }
  }

  /** What cannot be removed, because somebody else's export lies in it, is closed to everybody. */
  async #remove(one: NumberedExport): Promise<string[]> {
    const answer = await this.#bus.call("RemoveExport", String(one.id))
    if (answer.ok) return []
    const closed = { ...one, export: { ...one.export, clients: [] } }
    return [sentence(one, answer.said), ...(await this.#load("UpdateExport", closed, "1 exports updated"))]
  }

  /** With any other answer than `success` it has left something out, and says so after the same words. */
  async #load(method: "AddExport" | "UpdateExport", one: NumberedExport, success: string): Promise<string[]> {
    this.#put(renderGaneshaExport(one.export, one.id))
    const answer = await this.#bus.call(method, this.#change, `EXPORT(Export_Id=${one.id})`)
    if (answer.ok && answer.values[0] === success) return []
    return [sentence(one, answer.ok ? String(answer.values[0]) : answer.said)]
  }

  #put(text: string): void {
    try {
      replaceFile(this.#change, text, { mode: 0o600 })
    } catch (cause) {
      const message = `${this.#change} cannot be written (${errnoOf(cause) ?? "unknown"})`
      throw new StorageError("unreadable", message, {
        facts: { file: this.#change },
        hint: "Run the daemon as root.",
        cause,
      })
    }
  }

  async #isShown(id: number): Promise<boolean> {
    return (await this.shown()).some((one) => one.id === id)
  }
}

function sentence({ export: { path } }: NumberedExport, said: string): string {
  const words = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ")
  return `for ${path} it said: ${words.slice(0, 500)}`
}
