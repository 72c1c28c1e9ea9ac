import { StorageError } from "../../errors.js"
import {
  type DsmClient,
  type HeldRule,
  listShares,
  loadNfsRules,
  type NfsRule,
  nfsService,
  pathOf,
  Queue,
  type Share,
} from "../../nas/synology/index.js"
import type { ToldClients } from "../clients/told.js"
import type { NfsExport } from "../export.js"
import { renderExportLines } from "../exports-file.js"
import { synologyClients } from "./clients.js"
import { noOwnRules, type OwnRule, type OwnRules, type OwnRulesStore } from "./own-rules.js"
import { networksOf, whoOf } from "./rule-list.js"
import { holdRules, notTaken, restoreRules } from "./rule-saving.js"
import { type ExportRefusal, refusalOf } from "../refusal.js"
import type { ApplyOptions, ExportPlan, NfsServer, NfsServerState } from "../server.js"
import {
  type Folder,
  folderOf,
  isChanged,
  lineOf,
  onVolumes,
  refuseChanged,
  refuseForeign,
  rulesFor,
  rulesOf,
  type WantedRules,
  withdrawnOf,
} from "./shared-folders.js"
import { optionsOfRule, synologySettings } from "./rules.js"
import { withoutWithdrawn } from "../withdrawn.js"

/**
 * The NFS service of a Synology NAS, by DSM's Web API (reference nas-platforms.md §3.3). Its methods also throw what DsmClient.call
 * throws: `wrong_password`, `unsupported`.
 */
export class SynologyServer implements NfsServer {
  readonly kind = "synology"
  readonly #dsm: DsmClient
  readonly #own: OwnRulesStore
  readonly #queue = new Queue()

  constructor(dsm: DsmClient, own: OwnRulesStore) {
    this.#dsm = dsm
    this.#own = own
  }

  /** `running`: whether the NFS service is switched on, which is never done here: administratorSteps says how. */
  state(): Promise<NfsServerState> {
    return this.#queue.run(async () => {
      const { enabled } = await nfsService(this.#dsm)
      const own = this.#own.read() ?? noOwnRules
      const { folders } = await this.#look([], own, { all: true })
      return {
        running: enabled,
        active: folders.flatMap(({ share, held }) =>
          held.map(({ rule }) => ({
            path: pathOf(share),
            client: whoOf(rule),
            options: optionsOfRule(rule),
          })),
        ),
        own: folders.some(isChanged) ? undefined : own.exports,
        settings: synologySettings,
      }
    })
  }

  clients(): Promise<ToldClients> {
    return synologyClients(this.#dsm)
  }

  refusals(wanted: readonly NfsExport[]): Promise<readonly ExportRefusal[]> {
    return this.#queue.run(async () => {
      const { refused } = rulesOf(wanted, onVolumes(await listShares(this.#dsm)))
      return refused.map(({ one, why }) => refusalOf(one, why))
    })
  }

  /** What differs from what DSM has, not from what was applied. That DSM cannot have an export is no error here. */
  plan(wanted: readonly NfsExport[], { replace }: ApplyOptions): Promise<ExportPlan> {
    return this.#queue.run(async () => {
      const own = this.#own.read() ?? noOwnRules
      const { folders, refused } = await this.#look(wanted, own, { replace })
      if (!replace) folders.forEach(refuseChanged)
      const before = folders.flatMap((folder) => lineOf(folder, folder.taken))
      const after = [
        ...folders.flatMap((folder) => lineOf(folder, folder.wanted)),
        ...refused.map(({ one }) => renderExportLines([one]).trimEnd()),
      ]
      return {
        added: after.filter((line) => !before.includes(line)),
        removed: before.filter((line) => !after.includes(line)),
      }
    })
  }

  apply(wanted: readonly NfsExport[], { replace }: ApplyOptions): Promise<void> {
    return this.#queue.run(async () => {
      const own = this.#own.read() ?? noOwnRules
      const { folders, refused } = await this.#look(wanted, own, { replace })
      if (!replace) folders.forEach(refuseChanged)
      // Kept before the first change: whenever we are stopped, none of these is taken for somebody else's.
      const unsure = folders.flatMap((one) => owned(one, [...one.mine, ...one.taken, ...one.wanted]))
      this.#own.write({ ...own, unsure })
      try {
        for (const { why } of refused) throw why
        folders.forEach(refuseForeign)
        // What is only withdrawn comes first.
        for (const folder of folders.toSorted((one, other) => one.wanted.length - other.wanted.length)) {
          await this.#bring(folder)
        }
      } catch (error) {
        throw explained(error, await this.#putBack(folders, own, wanted))
      }
      this.#own.write({
        exports: wanted,
        rules: folders.flatMap((folder) => owned(folder, folder.wanted)),
        unsure: folders.flatMap((folder) => owned(folder, withdrawnOf(folder))),
      })
    })
  }

  /** Has the folder hold what is wanted in place of what is ours, and nothing of what is withdrawn. */
  async #bring(folder: Folder): Promise<void> {
    const { share, mine, taken, wanted } = folder
    const held = await holdRules(this.#dsm, share, [...mine, ...taken, ...wanted], wanted)
    const withdrawn = networksOf(withdrawnOf(folder))
    const left = held.find(({ rule }) => withdrawn.has(whoOf(rule)))
    if (left === undefined) return
    const why = `${pathOf(share)} is still exported to ${left.rule.client}, by a rule that is not Cistern's`
    throw notTaken(share, why)
  }

  /**
   * Puts back what was there without what is withdrawn, and keeps what is ours then. False where it is not certain that all of it is
   * back.
   */
  async #putBack(folders: readonly Folder[], own: OwnRules, wanted: readonly NfsExport[]): Promise<boolean> {
    const shares = folders.map(({ share }) => share)
    const exports = withoutWithdrawn(own.exports, wanted).filter(({ path }) =>
      shares.some((share) => pathOf(share) === path),
    )
    const { rules } = rulesOf(exports, shares)
    const unsure: OwnRule[] = []
    let silent = false
    for (const folder of folders) {
      // What does not answer is not waited for once more for each folder.
      const error: StorageError | undefined = silent ? undefined : await this.#restored(folder, rules)
      silent ||= error?.code === "timeout" || error?.code === "io"
      if (silent || error !== undefined) unsure.push(...owned(folder, [...folder.mine, ...folder.wanted]))
    }
    // As after an apply that worked: somebody who saves the list just now may bring them back.
    const former = folders.flatMap((folder) => {
      const left = networksOf(rulesFor(folder.share, rules))
      return owned(
        folder,
        folder.mine.filter((rule) => !left.has(whoOf(rule))),
      )
    })
    const after = folders.some(isChanged) ? own : { exports, rules }
    this.#own.write({ ...own, ...after, unsure: [...unsure, ...former] })
    return unsure.length === 0
  }

  async #restored(folder: Folder, rules: readonly OwnRule[]): Promise<StorageError | undefined> {
    try {
      await restoreRules(this.#dsm, folder, rulesFor(folder.share, rules))
      return undefined
    } catch (error) {
      if (error instanceof StorageError) return error
      throw error
    }
  }

  /** The folders that have something of ours or are to have it, or all of them, and what no folder can have. */
  async #look(
    wanted: readonly NfsExport[],
    own: OwnRules,
    { all = false, replace = false },
  ): Promise<{ folders: Folder[]; refused: WantedRules["refused"] }> {
    const shares = onVolumes(await listShares(this.#dsm))
    const { rules, refused } = rulesOf(wanted, shares)
    const folders: Folder[] = []
    for (const share of shares) {
      const applied = rulesFor(share, own.rules)
      const mine = [...applied, ...rulesFor(share, own.unsure)]
      const coming = rulesFor(share, rules)
      if (!all && mine.length + coming.length === 0) continue
      const held = await this.#rulesIfThere(share)
      if (held === undefined) continue
      folders.push(folderOf({ share, held, own: applied, mine, wanted: coming }, replace))
    }
    return { folders, refused }
  }

  /** Undefined for a folder that was removed since it was listed: DSM says the same of it as when it is busy. */
  async #rulesIfThere(share: Share): Promise<readonly HeldRule[] | undefined> {
    try {
      return await loadNfsRules(this.#dsm, share.name)
    } catch (error) {
      if (!(error instanceof StorageError) || error.facts["dsmCode"] !== 2370) throw error
      if ((await listShares(this.#dsm)).some(({ name }) => name === share.name)) throw error
      return undefined
    }
  }
}

function owned({ share: { name, uuid } }: Folder, rules: readonly NfsRule[]): OwnRule[] {
  return rules.map((rule) => ({ share: name, uuid, rule }))
}

function explained(error: unknown, back: boolean): unknown {
  if (!(error instanceof StorageError)) return error
  const { code, message, facts } = error
  const outcome = back
    ? "The exports of before are back, without what was to be withdrawn."
    : "What DSM exports now is not certain: when it answers, look with `cistern exports`, and apply once more."
  return new StorageError(code, message, {
    facts,
    hint: `${outcome} ${error.hint ?? ""}`.trim(),
    cause: error,
  })
}
