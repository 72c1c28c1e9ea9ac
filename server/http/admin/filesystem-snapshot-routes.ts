import { Router } from "express"
import type { z } from "zod"
import {
  createSnapshotRequest,
  type CreateSnapshotRunJson,
  filesystemSnapshotPaths,
  type FilesystemSnapshotsJson,
  holdSnapshotRequest,
  lookRequest,
  type LookRunJson,
  removeSnapshotRequest,
  type RemoveSnapshotRunJson,
  type RetentionJson,
  rollBackRequest,
  type RollBackRunJson,
  type SettledJson,
  settleRequest,
  type SnapshotHeldJson,
  type UnfinishedRollBacksJson,
} from "../contract/filesystem-snapshots.js"
import { bodyOf, queryOf } from "./request-parts.js"

/** What these routes need of the daemon, and no more. Each may throw StorageError or HttpError. */
export interface FilesystemSnapshotAdministration {
  list(store: string | undefined): Promise<FilesystemSnapshotsJson>
  create(request: z.output<typeof createSnapshotRequest>, by: string): Promise<CreateSnapshotRunJson>
  hold(request: z.output<typeof holdSnapshotRequest>, by: string): Promise<SnapshotHeldJson>
  release(request: z.output<typeof holdSnapshotRequest>, by: string): Promise<SnapshotHeldJson>
  remove(request: z.output<typeof removeSnapshotRequest>, by: string): Promise<RemoveSnapshotRunJson>
  retention(store: string): Promise<RetentionJson>
  look(request: z.output<typeof lookRequest>): Promise<LookRunJson>
  readonly rollBacks: {
    rollBack(request: z.output<typeof rollBackRequest>, by: string): Promise<RollBackRunJson>
    unfinished(): Promise<UnfinishedRollBacksJson>
    settle(store: string, id: string, by: string): Promise<SettledJson>
  }
  readonly runs: { reply(id: string): Promise<unknown> }
}

/** The stores' filesystem snapshots. `by`: who acts through this connection. */
export function filesystemSnapshotRoutes(snapshots: FilesystemSnapshotAdministration, by: string): Router {
  const router = Router()
  const paths = filesystemSnapshotPaths
  const { rollBacks, runs } = snapshots

  router.get(paths.list, async (request, response) => {
    response.json(await snapshots.list(queryOf(request)["store"]))
  })
  router.post(paths.list, async (request, response) => {
    response.json(await snapshots.create(bodyOf(request, createSnapshotRequest), by))
  })
  router.post(paths.hold, async (request, response) => {
    response.json(await snapshots.hold(bodyOf(request, holdSnapshotRequest), by))
  })
  router.post(paths.release, async (request, response) => {
    response.json(await snapshots.release(bodyOf(request, holdSnapshotRequest), by))
  })
  router.post(paths.remove, async (request, response) => {
    response.json(await snapshots.remove(bodyOf(request, removeSnapshotRequest), by))
  })
  router.get(paths.retention, async (request, response) => {
    response.json(await snapshots.retention(queryOf(request)["store"] ?? ""))
  })
  router.post(paths.look, async (request, response) => {
    response.json(await snapshots.look(bodyOf(request, lookRequest)))
  })
  router.post(paths.rollBack, async (request, response) => {
    response.json(await rollBacks.rollBack(bodyOf(request, rollBackRequest), by))
  })
  router.get(paths.rollBacks, async (_request, response) => {
    response.json(await rollBacks.unfinished())
  })
  router.post(paths.settle, async (request, response) => {
    const { store, id } = bodyOf(request, settleRequest)
    response.json(await rollBacks.settle(store, id, by))
  })
  router.get(`${paths.runs}/:run`, async (request, response) => {
    response.json(await runs.reply(request.params.run))
  })
  return router
}
