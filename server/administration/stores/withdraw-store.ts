import type { z } from "zod"
import { StorageError } from "../../../storage/index.js"
import {
  type ActiveExport,
  canonicalClient,
  isAround,
  networkOf,
  type NfsExport,
  type NfsServer,
} from "../../../storage/nfs/index.js"
import { type Document, plainDocument, type ScheduleEntry } from "../../config/index.js"
import type {
  ApplyJson,
  applyRequest,
  StoreWithdrawnJson,
  withdrawStoreRequest,
} from "../../http/contract/admin.js"
import type { NfsClientsJson } from "../../http/contract/nfs-clients.js"
import { HttpError } from "../../http/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import type { StoreFences } from "./store-fences.js"

export interface WithdrawStoreParts {
  readonly keeper: FleetKeeper
  readonly storeFences: StoreFences
  readonly current: () => Document
  readonly applyDocument: (request: z.output<typeof applyRequest>, by: string) => Promise<ApplyJson>
  /** Has the NFS server follow the document, and waits for it. */
  readonly withdrawn: () => Promise<void>
  readonly nfsServer: () => NfsServer | undefined
  readonly nfsClients: () => Promise<NfsClientsJson>
  readonly log: { info(fields: object, message: string): void }
}

type Request = z.output<typeof withdrawStoreRequest>

/** Takes a store out of the document after its exports are gone. Data, ledger, pins, fence and sentinel stay as they are. */
export class WithdrawStore {
  readonly #parts: WithdrawStoreParts

  constructor(parts: WithdrawStoreParts) {
    this.#parts = parts
  }

  /** Throws HttpError. Where the exports could not be seen to be gone, the store stays declared, without them. */
  async withdraw(name: string, request: Request, by: string): Promise<StoreWithdrawnJson> {
    const before = this.#parts.current()
    this.#refuse(name, before, request.withRepositories)
    const [text, clients] = [without(before, name), await this.#clientsOf(name, before)]
    const { accept, basis } = request
    const plan = await this.#apply(text, { accept, dryRun: true, ...(basis !== undefined && { basis }) }, by)
    const isRefused = plan.acknowledgements.some(({ accepted }) => !accepted)
    if (request.dryRun || isRefused) return { ...plan, clients }
    const directories = this.#exportedDirectories(name, before)
    let agreed = plan.basis
    const notices: string[] = []
    if (directories.length > 0) {
      const own = await this.#ownExports()
      const first = await this.#apply(
        textOf({ ...before, exports: before.exports.filter(({ store }) => store !== name) }),
        { accept, dryRun: false, basis: agreed },
        by,
      )
      if (!first.applied) return { ...first, clients }
      agreed = first.basis
      await this.#parts.withdrawn()
      notices.push(...(await this.#refuseExported(name, directories, own)))
      this.#parts.log.info({ store: name, directories, by }, "exports of the store withdrawn")
    }
    const applied = await this.#apply(text, { accept, dryRun: false, basis: agreed }, by)
    if (applied.applied) this.#parts.log.info({ store: name, by }, "store withdrawn")
    // What the first half withdrew belongs to what was done.
    return { ...applied, changes: plan.changes, notices: [...applied.notices, ...notices], clients }
  }

  #apply(
    document: string,
    more: Pick<z.output<typeof applyRequest>, "accept" | "dryRun" | "basis">,
    by: string,
  ): Promise<ApplyJson> {
    return this.#parts.applyDocument({ document, remove: true, ...more }, by)
  }

  #refuse(name: string, { stores, repositories }: Document, withRepositories: boolean): void {
    if (!stores.some((store) => store.name === name)) {
      throw new HttpError(404, "not_found", `No store is called ${name}.`)
    }
    const inside = repositories.filter(({ place }) => place.kind === "store" && place.store === name)
    if (inside.length === 0 || withRepositories) return
    const named = inside.map((repository) => repository.name).join(", ")
    throw new HttpError(409, "store_in_use", `Repositories are declared in store ${name}: ${named}.`, {
      hint: "Detach them with it by --with-repositories: nothing of them is touched, but volumes are no longer restored from them.",
    })
  }

  /** With links followed, as they are exported. */
  #exportedDirectories(name: string, { stores, exports }: Document): string[] {
    const store = stores.find((one) => one.name === name)
    if (store === undefined || !exports.some((entry) => entry.store === name)) return []
    return [store.path, this.#parts.storeFences.ofFilesystems(store)[0]?.record.realPath ?? store.path]
  }

  /** What the server has of ours, as far as it tells. */
  async #ownExports(): Promise<readonly NfsExport[] | undefined> {
    try {
      return (await this.#parts.nfsServer()?.state())?.own
    } catch (error) {
      if (error instanceof StorageError) return undefined
      throw error
    }
  }

  /** Throws HttpError unless what was `own` in these directories was seen to be gone; gives what others export there. */
  async #refuseExported(
    name: string,
    directories: readonly string[],
    own: readonly NfsExport[] | undefined,
  ): Promise<string[]> {
    try {
      const state = await this.#parts.nfsServer()?.state()
      if (state === undefined) return []
      const isInside = ({ path }: { readonly path: string }): boolean =>
        directories.some((directory) => isAround(directory, path))
      const left = state.own?.find(isInside)
      if (state.own === undefined || left !== undefined) {
        throw stillThere(name, `the NFS server's exports are not as they should be in ${left?.path ?? name}`)
      }
      const active = state.active.filter(isInside)
      const open = active.find((one) => own === undefined || own.some((before) => names(before, one)))
      if (open !== undefined) throw stillThere(name, `${open.path} is still exported to ${open.client}`)
      return active.map(
        ({ path, client }) => `${path} is exported to ${client} by somebody else, and stays so.`,
      )
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      throw stillThere(name, error.message)
    }
  }

  /** Who has it mounted, or may have: one sentence each. */
  async #clientsOf(name: string, { stores, exports }: Document): Promise<string[]> {
    const store = stores.find((one) => one.name === name)
    const entries = exports.filter((entry) => entry.store === name)
    if (store === undefined || entries.length === 0) return []
    const directories = this.#exportedDirectories(name, { ...this.#parts.current(), stores, exports })
    const clusters = new Set(entries.map(({ cluster }) => cluster))
    const { clients, problems } = await this.#parts.nfsClients()
    const inStore = (path: string): boolean => directories.some((directory) => isAround(directory, path))
    const said = clients.flatMap((client) => {
      const { address, cluster, mounts, held, connections, state } = client
      const who = cluster === null ? address : `${address} of cluster ${cluster}`
      const holds = [...(mounts ?? []), ...held.flatMap(({ exports: paths }) => paths)].find(inStore)
      if (holds !== undefined) return [`${who} holds files in ${holds}: it will fail ("Stale file handle").`]
      const isThere = (connections ?? 0) > 0 || state === "confirmed"
      if (isThere && cluster !== null && clusters.has(cluster) && mounts === null)
        return [`${who} is connected, and may have it mounted.`]
      return []
    })
    return [...said, ...problems.map(({ message }) => `Who has it mounted is not known: ${message}.`)]
  }
}

function names({ path, clients }: NfsExport, active: ActiveExport): boolean {
  return (
    path === active.path &&
    clients.some(({ network }) => canonicalClient(network) === networkOf(active.client))
  )
}

function stillThere(name: string, why: string): HttpError {
  return new HttpError(409, "still_exported", `Store ${name} was not withdrawn: ${why}.`, {
    hint: "Its exports are no longer declared, and the store still is. Look at `cistern exports apply --dry-run` and at who else exports it, and withdraw it again.",
  })
}

/** The document without the store, its exports, its repositories, and schedules of nothing else. */
function without(document: Document, name: string): string {
  const stores = document.stores.filter((store) => store.name !== name)
  const repositories = document.repositories.filter(
    ({ place }) => place.kind !== "store" || place.store !== name,
  )
  return textOf({
    ...document,
    stores,
    exports: document.exports.filter(({ store }) => store !== name),
    repositories,
    schedules: document.schedules.flatMap((schedule) => scheduleOf(schedule, { stores, repositories })),
  })
}

function scheduleOf(
  schedule: ScheduleEntry,
  left: Pick<Document, "stores" | "repositories">,
): ScheduleEntry[] {
  for (const field of ["stores", "repositories"] as const) {
    const named = schedule[field]
    if (named === undefined) continue
    const known = named.filter((one) => left[field].some(({ name }) => name === one))
    return known.length === 0 ? [] : [{ ...schedule, [field]: known }]
  }
  return [schedule]
}

function textOf(document: Document): string {
  return JSON.stringify(plainDocument(document))
}
