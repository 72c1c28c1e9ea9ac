import { Router } from "express"
import type { z } from "zod"
import {
  createDirectoryRequest,
  type DirectoriesJson,
  type DirectoryCreatedJson,
  directoryPaths,
  type DirectoryRestoredJson,
  type PurgeRunJson,
  type QuarantineJson,
  repairDirectoryRequest,
  type RepairRunJson,
  type RepairsJson,
  type RetiredJson,
  retireDirectoryRequest,
  undoRepairRequest,
  type UndoRunJson,
} from "../contract/directories.js"
import { bodyOf, queryOf } from "./request-parts.js"

/** What these routes need of the daemon, and no more. Each may throw StorageError or HttpError. */
export interface DirectoryAdministration {
  list(filter: { store?: string | undefined; repository?: string | undefined }): Promise<DirectoriesJson>
  create(request: z.output<typeof createDirectoryRequest>, by: string): Promise<DirectoryCreatedJson>
  readonly repairs: {
    repair(request: z.output<typeof repairDirectoryRequest>, by: string): Promise<RepairRunJson>
    undo(store: string, id: string, by: string): Promise<UndoRunJson>
    list(): Promise<RepairsJson>
  }
  readonly runs: { reply(id: string): Promise<unknown> }
  readonly retirement: {
    retire(request: z.output<typeof retireDirectoryRequest>, by: string): Promise<RetiredJson>
    list(): Promise<QuarantineJson>
    restore(store: string, id: string, by: string): Promise<DirectoryRestoredJson>
    purge(store: string, id: string, by: string): Promise<PurgeRunJson>
  }
}

/** The repositories' directories. `by`: who acts through this connection. */
export function directoryRoutes(directories: DirectoryAdministration, by: string): Router {
  const router = Router()
  const { repairs, retirement, runs } = directories

  router.get(directoryPaths.directories, async (request, response) => {
    const { store, repository } = queryOf(request)
    response.json(await directories.list({ store, repository }))
  })
  router.post(directoryPaths.directories, async (request, response) => {
    response.json(await directories.create(bodyOf(request, createDirectoryRequest), by))
  })
  router.post(directoryPaths.repair, async (request, response) => {
    response.json(await repairs.repair(bodyOf(request, repairDirectoryRequest), by))
  })
  router.get(directoryPaths.repairs, async (_request, response) => {
    response.json(await repairs.list())
  })
  router.post(directoryPaths.undo, async (request, response) => {
    const { store, id } = bodyOf(request, undoRepairRequest)
    response.json(await repairs.undo(store, id, by))
  })
  router.get(`${directoryPaths.runs}/:run`, async (request, response) => {
    response.json(await runs.reply(request.params.run))
  })
  router.post(directoryPaths.retire, async (request, response) => {
    const body = bodyOf(request, retireDirectoryRequest)
    const result = await retirement.retire(body, by)
    const refused = !result.retired && !body.dryRun
    response.status(refused ? 409 : 200).json(result)
  })
  router.get(directoryPaths.quarantine, async (_request, response) => {
    response.json(await retirement.list())
  })
  router.post(`${directoryPaths.quarantine}/:store/:id/restore`, async (request, response) => {
    const { store, id } = request.params
    response.json(await retirement.restore(store, id, by))
  })
  router.post(`${directoryPaths.quarantine}/:store/:id/purge`, async (request, response) => {
    const { store, id } = request.params
    response.json(await retirement.purge(store, id, by))
  })
  return router
}
