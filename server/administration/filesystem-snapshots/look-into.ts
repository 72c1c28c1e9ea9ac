import { join } from "node:path"
import type { z } from "zod"
import { safeParts } from "../../../storage/disk/index.js"
import { volumesAt } from "../../../storage/identity/index.js"
import { type FleetRepository, isPerVolume, spotAt, spotOf } from "../../answers/index.js"
import { identityText, type RepositoryThen } from "../../catalog/index.js"
import type { LookedJson, lookRequest, LookRunJson } from "../../http/contract/filesystem-snapshots.js"
import { renderSnapshot } from "../../http/contract/render-snapshot.js"
import type { Runs } from "../directories/runs.js"
import { relationsOf } from "../directories/targets.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { volumeOf } from "../repositories/snapshot-rows.js"
import { chosen } from "./snapshot-rows.js"
import type { SnapshotSources } from "./snapshot-sources.js"

export interface LookIntoParts {
  readonly keeper: FleetKeeper
  readonly sources: SnapshotSources
  readonly runs: Runs
}

/** Reads a repository as a filesystem snapshot holds it, with what is declared of the one that is there now. */
export class LookInto {
  readonly #parts: LookIntoParts

  constructor(parts: LookIntoParts) {
    this.#parts = parts
  }

  async look({ path, ...named }: z.output<typeof lookRequest>): Promise<LookRunJson> {
    const { keeper, runs, sources } = this.#parts
    const store = sources.storeNamed(named.store)
    if (path !== "") safeParts(path)
    const source = sources.of(store)
    const is = relationsOf({ store, path }, keeper.fleet).find(({ kind }) => kind === "is")?.repository
    return runs.start(
      store.name,
      false,
      async () => {
        const { trees } = await source.look()
        const { tree } = chosen(trees, named)
        const name = { of: tree.of, name: named.name }
        const shownAt = await source.shownAt(name)
        const scope = await sources.scopeOf(store)
        const found = await sources.callOf(store)("repositoryThen", {
          ...scope,
          ...name,
          ...(shownAt === undefined ? {} : { shownAt }),
          directory: join(scope.store, path),
          engine: is?.entry.engine,
          password: is && this.#passwordOf(is, path),
        })
        return lookedJson(found, is, path)
      },
      () => Promise.resolve(undefined),
    )
  }

  #passwordOf(repository: FleetRepository, path: string): string | undefined {
    const spot = isPerVolume(repository)
      ? spotAt(repository, path)
      : spotOf(repository, { namespace: "any", pvc: "any" })
    return spot && this.#parts.keeper.specOf(repository, spot).password
  }
}

function lookedJson(
  { path: at, engine, id, formatVersion, snapshots }: RepositoryThen,
  repository: FleetRepository | undefined,
  path: string,
): LookedJson {
  const volumes = repository?.template?.perVolume === true ? volumesAt(repository.template, path) : []
  const own = volumes.length === 1 ? volumes[0] : undefined
  return {
    at,
    repository: { engine, id, formatVersion: formatVersion ?? null },
    snapshots: snapshots.map((snapshot) =>
      renderSnapshot(
        snapshot,
        engine === "kopia" ? identityText("kopia", snapshot.source) : at,
        own ?? (repository && volumeOf(repository, snapshot)),
      ),
    ),
  }
}
