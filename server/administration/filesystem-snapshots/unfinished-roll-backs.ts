import { join } from "node:path"
import type { UnfinishedRollBack } from "../../../storage/disk/index.js"
import { ROLL_BACK_HOLD } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type {
  SettledJson,
  UnfinishedRollBackJson,
  UnfinishedRollBacksJson,
} from "../../http/contract/filesystem-snapshots.js"
import { HttpError } from "../../http/index.js"
import { type Target, targetAt } from "../directories/targets.js"
import { ROLL_BACK } from "../exports/kept-out.js"
import { soon } from "../soon.js"
import type { SnapshotSource } from "./snapshot-source.js"
import type { RollBacksParts } from "./roll-backs.js"

export interface UnfinishedRollBacksParts extends RollBacksParts {
  /** Names of stores in which one is under way: it is not interrupted, and its clients stay out. */
  readonly underWay: ReadonlySet<string>
  readonly lookAgain: (target: Target) => Promise<void>
}

/** A store that could not be looked at when the daemon started is tried again after so long. */
const RETRY_MS = 10_000

/** Roll backs that were interrupted: looked for once in each store, named, and ended when a person says so. */
export class UnfinishedRollBacks {
  readonly #parts: UnfinishedRollBacksParts
  /** Stores that were looked at, as name and path. */
  readonly #looked = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: UnfinishedRollBacksParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => void this.#lookForNew(), RETRY_MS).unref()
    void this.#lookForNew()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async list(): Promise<UnfinishedRollBacksJson> {
    const unknown: string[] = []
    const lists = this.#parts.keeper.fleet.document.stores.map(async (store) => {
      if (this.#parts.underWay.has(store.name)) {
        unknown.push(`A roll back is under way in store ${store.name}.`)
        return []
      }
      const found = await soon(this.lookAt(store))
      if (found === undefined)
        unknown.push(`Store ${store.name} does not tell whether a roll back was interrupted.`)
      return (found ?? []).map((one) => jsonOf(store, one))
    })
    return { rollBacks: (await Promise.all(lists)).flat(), unknown }
  }

  async settle(name: string, id: string, by: string): Promise<SettledJson> {
    const { sources, storeFences, runs, log, lookAgain, exportKeeper } = this.#parts
    const store = sources.storeNamed(name)
    const found = this.#parts.underWay.has(name)
      ? undefined
      : (await this.#read(store))?.find((one) => one.id === id)
    if (found === undefined) {
      throw new HttpError(404, "not_found", `There is no interrupted roll back ${id} in store ${name}.`, {
        hint: "`cistern filesystem-snapshots roll-backs` lists them.",
      })
    }
    const request = { store: sources.rootOf(store), id, fences: storeFences.ofFilesystems(store) }
    await runs.alone(name, () => sources.callOf(store)("settleRollBack", request))
    log.info(
      { store: name, id, state: found.state, directory: found.directory, by },
      "interrupted roll back settled",
    )
    await this.lookAt(store)
    await this.#letGo(store)
    const path = found.directory?.slice(sources.rootOf(store).length + 1)
    if (path !== undefined) await lookAgain(targetAt(store, path))
    await exportKeeper.look()
    return { settled: jsonOf(store, found) }
  }

  /** Keeps clients out of those that miss their directory. Undefined: the store is fenced, or does not answer. */
  async lookAt(store: StoreEntry): Promise<readonly UnfinishedRollBack[] | undefined> {
    const { keptOut, sources, underWay } = this.#parts
    const found = await this.#read(store).catch(() => undefined)
    if (found === undefined || underWay.has(store.name)) return undefined
    for (const directory of keptOut.within(sources.rootOf(store), ROLL_BACK))
      keptOut.remove(directory, ROLL_BACK)
    for (const { state, directory, message } of found)
      if (directory !== undefined && (state === "between" || state === "unclear"))
        keptOut.add(
          directory,
          {
            code: ROLL_BACK,
            message: `rolling ${directory} back was interrupted. ${message}`,
            hint: "`cistern filesystem-snapshots roll-backs` says how to end it.",
          },
          "around",
        )
    return found
  }

  async #read(store: StoreEntry): Promise<readonly UnfinishedRollBack[] | undefined> {
    const { sources, catalog, storeFences } = this.#parts
    const fences = storeFences.ofFilesystems(store)
    if (fences.length === 0 || catalog.stores.hang(store.name) !== undefined) return undefined
    const state = await catalog.stores.checkFence(store.name, fences)
    if (state.kind === "fenced") return undefined
    return sources.callOf(store)("unfinishedRollBacks", sources.rootOf(store))
  }

  /** A roll back that was killed did not let go of what it read from. */
  async #letGo(store: StoreEntry): Promise<void> {
    const { sources, runs, log } = this.#parts
    try {
      const source = sources.of(store)
      // Nearly always there is none, and then nobody's turn is taken.
      if ((await heldByRollBacks(source)).length === 0) return
      await runs.alone(store.name, async () => {
        for (const held of await heldByRollBacks(source)) await source.release(held, ROLL_BACK_HOLD)
      })
    } catch (error) {
      log.warn({ store: store.name, err: error }, "what a roll back held could not be released")
    }
  }

  async #lookForNew(): Promise<void> {
    const { keeper, log, exportKeeper } = this.#parts
    for (const store of keeper.fleet.document.stores) {
      const key = join(store.path, store.name)
      if (this.#looked.has(key)) continue
      const found = await this.lookAt(store)
      if (found === undefined) continue
      this.#looked.add(key)
      if (found.length === 0) await this.#letGo(store)
      for (const { id, state, message } of found)
        log.warn({ store: store.name, id, state }, `a roll back was interrupted. ${message}`)
      if (found.length > 0) await exportKeeper.look()
    }
  }
}

async function heldByRollBacks(source: SnapshotSource): Promise<{ of: string; name: string }[]> {
  const { trees } = await source.look()
  return trees.flatMap(({ of, snapshots }) =>
    snapshots
      .filter(({ ours, holds }) => ours && holds.includes(ROLL_BACK_HOLD))
      .map(({ name }) => ({ of, name })),
  )
}

function jsonOf(store: StoreEntry, one: UnfinishedRollBack): UnfinishedRollBackJson {
  const { id, state, directory, aside, copy, snapshot, message } = one
  return {
    store: store.name,
    id,
    state,
    directory: directory ?? null,
    aside: aside ?? null,
    copy,
    snapshot: snapshot ?? null,
    message,
  }
}
