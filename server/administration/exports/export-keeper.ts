import type { FenceRecord } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import {
  compareExports,
  type NfsExport,
  type NfsServer,
  type NfsServerKind,
} from "../../../storage/nfs/index.js"
import type { Catalog, Clock } from "../../catalog/index.js"
import type { ChosenNfsServer } from "./chosen-nfs-server.js"
import type { Declared, DeclaredExports, ExportProblem } from "./declared-exports.js"
import { exportTarget } from "./export-target.js"
import { RefusedExports } from "./refused-exports.js"
import { refusedBy } from "./served-exports.js"
import { soon } from "../soon.js"
import type { StoreFences } from "../stores/store-fences.js"
import type { Turns } from "../turns.js"

export interface ExportKeeperParts {
  readonly declared: DeclaredExports
  readonly catalog: Catalog
  readonly storeFences: StoreFences
  readonly nfsServer: Pick<ChosenNfsServer, "current" | "mayHold" | "takeFormer" | "close">
  /**
   * Remembers a filesystem that is mounted in an exported directory, or around it below the store: clients must not write under it
   * when it goes.
   */
  readonly keepMount: (store: string, record: FenceRecord) => void
  /** Shared with whoever else changes exports. */
  readonly turns: Turns
  readonly clock: Clock
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** A fence that stops to hold is noticed within this, and the exports follow at once. */
const FENCE_MS = 1_000
/** Everything else: what somebody did to the server, and directories that came or went. The more a look costs, the seldomer. */
const LOOK_MS: Readonly<Record<NfsServerKind, number>> = {
  kernel: 15_000,
  ganesha: 60_000,
  truenas: 300_000,
  synology: 300_000,
}

/** Keeps the NFS server exporting what is declared: withdraws what is fenced, and brings it back with the right filesystem. */
export class ExportKeeper {
  readonly #parts: ExportKeeperParts
  readonly #refused: RefusedExports
  #timer: NodeJS.Timeout | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  #fences = ""
  #pass: Promise<void> | undefined
  #again = false
  #problem: ExportProblem | undefined

  constructor(parts: ExportKeeperParts) {
    this.#parts = parts
    this.#refused = new RefusedExports(parts.clock)
  }

  /** Whether it was started. */
  get keeps(): boolean {
    return this.#timer !== undefined
  }

  /** Why the server cannot be kept as declared, as a whole. */
  get problem(): ExportProblem | undefined {
    return this.#problem
  }

  /** Why the server did not take one directory's export, as it is declared now. */
  refusal(one: NfsExport): ExportProblem | undefined {
    return this.#refused.problemOf(one)
  }

  start(everyMs = FENCE_MS): void {
    this.#timer = setInterval(() => {
      void this.#tick()
    }, everyMs).unref()
    void this.look()
  }

  /** What is exported stays so. Waits for what is under way, though not for long: the next start completes it. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#again = false
    if (this.#pass !== undefined) await soon(this.#pass)
    await soon(this.#parts.nfsServer.close())
  }

  /** Another document is declared: nothing of what was refused is held against it. */
  redeclared(): Promise<void> {
    this.#refused.forgetAll()
    return this.look()
  }

  /**
   * Has a look that begins after this call, and waits for its end; none before `start`. Never throws: what is wrong is in
   * `problem`.
   */
  look(): Promise<void> {
    if (this.#timer === undefined) return Promise.resolve()
    if (this.#pass !== undefined) {
      this.#again = true
      return this.#pass
    }
    this.#pass = this.#passes().finally(() => {
      this.#pass = undefined
    })
    return this.#pass
  }

  async #passes(): Promise<void> {
    for (let again = true; again; again = this.#isAskedAgain()) {
      this.#lookedAt = this.#parts.clock.now().mono
      await this.#parts.turns.take(() => this.#keep())
    }
  }

  #isAskedAgain(): boolean {
    const again = this.#again
    this.#again = false
    return again
  }

  async #tick(): Promise<void> {
    if (this.#pass !== undefined) return
    const { kind = "kernel" } = this.#parts.nfsServer.current ?? {}
    const due = this.#parts.clock.now().mono - this.#lookedAt >= LOOK_MS[kind]
    if (due || (await this.#fenceStates()) !== this.#fences) await this.look()
  }

  /** What the fences under the exports say; cheap enough for every second. */
  async #fenceStates(): Promise<string> {
    const { declared, storeFences, catalog } = this.#parts
    const states = await Promise.all(
      declared.stores().map(async (store) => {
        // That it hangs changes nothing: its exports stay as they are.
        if (catalog.stores.hang(store.name) !== undefined) return [store.name]
        const found = await soon(catalog.stores.checkFences(store.name, storeFences.ofFilesystems(store)))
        return [store.name, ...(found ?? []).map(({ kind }) => kind)]
      }),
    )
    return JSON.stringify(states)
  }

  async #keep(): Promise<void> {
    try {
      await this.#leaveFormer()
      this.#fences = await this.#fenceStates()
      const looked = await this.#parts.declared.look()
      // Where nothing is exported, no server is bothered.
      if (looked.length === 0 && !this.#parts.nfsServer.mayHold) {
        this.#problem = undefined
        return
      }
      const server = this.#parts.nfsServer.current
      const state = await server?.state()
      if (server === undefined || state === undefined) {
        this.#problem = undefined
        return
      }
      if (state.own === undefined) {
        // Says whose it is and what to do.
        await server.plan([], { replace: false })
        return
      }
      const found = await refusedBy(server, looked)
      await this.#rememberMounts(found)
      const target = exportTarget(found, state.own, (one) => this.#refused.isHeld(one))
      const plan = await server.plan(target, { replace: false })
      const lost = compareExports(target, state.active, state.settings).some(({ kind }) => kind !== "foreign")
      if (plan.added.length + plan.removed.length > 0 || lost) {
        await this.#apply(server, target, state.own)
        const { added, removed } = plan
        this.#parts.log.info({ added, removed, lost }, "exports kept as declared")
      }
      this.#solved()
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Two servers would let the same clients in, one of them by rules that nobody looks after. */
  async #leaveFormer(): Promise<void> {
    const { nfsServer, log } = this.#parts
    for (let former = nfsServer.takeFormer(); former !== undefined; former = nfsServer.takeFormer()) {
      const { server, withdraws, close } = former
      try {
        if (withdraws) await server.apply([], { replace: false })
      } catch (error) {
        log.warn(
          { server: server.kind, err: error },
          "the exports could not be withdrawn from the NFS server that was used before",
        )
      }
      await close()
    }
  }

  /** Before they are exported: from then on, that one is missing means that clients would write under it. */
  async #rememberMounts(found: readonly Declared[]): Promise<void> {
    const { catalog, storeFences, keepMount } = this.#parts
    for (const store of this.#parts.declared.stores()) {
      const own = storeFences.ofFilesystems(store)[0]?.record.mountPoint
      const mounts = found
        .filter(({ entry }) => entry.store === store.name)
        .flatMap(({ asked, mountsBelow }) => [asked.mountPoint, ...mountsBelow])
        .filter((mountPoint) => mountPoint !== undefined)
        .filter((mountPoint) => mountPoint !== own && !storeFences.knowsMount(store, mountPoint))
      if (mounts.length === 0) continue
      for (const one of (await soon(catalog.stores.locate(store.name, [...new Set(mounts)]))) ?? []) {
        if (one.kind !== "found") continue
        const { realPath, mountPoint, filesystem } = one.location
        // What went again just now is not there to be remembered.
        if (realPath === mountPoint) keepMount(store.name, { realPath, mountPoint, filesystem })
      }
    }
  }

  /** All at once; where the server does not take that, what it takes of it. */
  async #apply(server: NfsServer, target: readonly NfsExport[], own: readonly NfsExport[]): Promise<void> {
    try {
      await server.apply(target, { replace: false })
      this.#refused.taken(target)
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "unsupported") throw error
      const refused = await this.#refused.sift(target, own, server)
      for (const { path, problem } of refused)
        this.#parts.log.warn({ path, why: problem.message }, "the NFS server did not take an export")
    }
  }

  #solved(): void {
    if (this.#problem !== undefined) this.#parts.log.info({}, "the exports can be kept as declared again")
    this.#problem = undefined
  }

  #failed(error: unknown): void {
    const known = error instanceof StorageError
    const message = error instanceof Error ? error.message : String(error)
    // Said once: it is tried again every time.
    if (this.#problem?.message !== message)
      this.#parts.log.warn(
        { err: known ? undefined : error, why: message },
        "the exports cannot be kept as declared",
      )
    const hint = known ? (error.hint ?? null) : null
    this.#problem = { code: known ? error.code : "internal", message, hint }
  }
}
