import { FleetKeeper } from "../administration/index.js"
import { Answerer, type AnswererParts, FreshOnceGrants, LedgerMemory } from "../answers/index.js"
import { Catalog } from "../catalog/index.js"
import { ProjectIdTable } from "../db/index.js"
import type { Kept } from "./kept.js"
import type { Surroundings } from "./surroundings.js"

/** From what lies in the stores to an answer. */
export interface Answering {
  readonly keeper: FleetKeeper
  readonly memory: LedgerMemory
  readonly catalog: Catalog
  readonly answerer: Answerer
  /** Has the catalog read what the fleet declares now. */
  declare(): void
}

export function putAnsweringTogether(
  { database, ledger, secrets, shelf, integrity, known }: Kept,
  surroundings: Surroundings,
  decided: AnswererParts["asked"],
): Answering {
  const { clock, lent, state, hasEvents, log, counts } = surroundings
  const memory = new LedgerMemory({
    ledger,
    integrity,
    clock,
    marks: shelf.marks,
    keepFence: (place, record) => {
      if (keeper.repositoryAt(place)?.store !== undefined) shelf.keepFence(place, record)
    },
    log,
  })
  const keeper: FleetKeeper = new FleetKeeper(shelf.current(), {
    resolve: (reference) => secrets.store.resolve(reference).secret,
    fence: (kind, name) => shelf.fence(kind, name),
    hasEvents,
    trustedHops: [],
    lent,
    log,
  })
  const freshOnceGrants = new FreshOnceGrants({
    windows: ledger.freshOnce,
    fleet: () => keeper.fleet,
    clock,
    log,
  })
  const catalog = new Catalog({
    clock,
    connect: surroundings.connect,
    keys: surroundings.keys ?? secrets.keys,
    projects: new ProjectIdTable(database.connection),
    witness: (seen) => {
      const remembered = memory.witness(seen)
      if (remembered) freshOnceGrants.witnessed(seen)
      return remembered
    },
    renew: (spec) => keeper.renew(spec),
    marksOf: (place) => memory.marksOf(place),
    rhythm: surroundings.rhythm,
    log,
  })
  const answerer = new Answerer({
    clock,
    fleet: () => keeper.fleet,
    views: catalog,
    memory,
    known,
    state,
    specOf: (repository, spot) => keeper.specOf(repository, spot),
    directories: (repository) =>
      catalog.views().flatMap(({ spec }) => keeper.pathAt(repository, spec.place) ?? []),
    freshOnce: (cluster, volume, newestComplete) => freshOnceGrants.fact(cluster, volume, newestComplete),
    asked: (cluster, volume, decision) => {
      ledger.asked.note({ cluster, ...volume }, decision.decision, clock.now().wall)
      decided(cluster, volume, decision)
    },
    shared: () => counts?.shared(),
  })
  const declare = (): void => {
    known.redeclared()
    catalog.declare(keeper.catalogSpec())
  }
  return { keeper, memory, catalog, answerer, declare }
}
