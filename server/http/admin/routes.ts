import express, { type Request, Router } from "express"
import type { z } from "zod"
import {
  type AcceptRepositoryRequest,
  acceptRepositoryRequest,
  adminPaths,
  applyExportsRequest,
  type ApplyJson,
  applyRequest,
  type DocumentJson,
  type DoctorJson,
  type ExportsAppliedJson,
  type ExportsJson,
  type FreshOnceJson,
  freshOnceRequest,
  type RepositoriesJson,
  type RepositoryAcceptedJson,
  type SnapshotsJson,
  type StoreAcceptedJson,
  type StoresJson,
  type VolumesJson,
} from "../contract/admin.js"
import { type DirectoryAdministration, directoryRoutes } from "./directory-routes.js"
import { type QuotaAdministration, quotaRoutes } from "./quota-routes.js"
import { bodyOf, queryOf } from "./request-parts.js"
import { type HardwareJson, hardwarePath } from "../contract/hardware.js"
import { type NfsClientsJson, nfsClientsPath } from "../contract/nfs-clients.js"

interface SnapshotFilter {
  readonly repository?: string | undefined
  readonly namespace?: string | undefined
  readonly pvc?: string | undefined
}

/** What these routes need of the daemon, and no more. Each may throw StorageError or HttpError. */
export interface Administration {
  repositories(): RepositoriesJson
  volumes(filter: { cluster?: string | undefined; namespace?: string | undefined }): VolumesJson
  snapshots(filter: SnapshotFilter): Promise<SnapshotsJson>
  stores(): Promise<StoresJson>
  exports(): Promise<ExportsJson>
  nfsClients(): Promise<NfsClientsJson>
  hardware(): Promise<HardwareJson>
  applyExports(request: z.output<typeof applyExportsRequest>, by: string): Promise<ExportsAppliedJson>
  acceptStore(name: string, by: string): Promise<StoreAcceptedJson>
  acceptRepository(name: string, request: AcceptRepositoryRequest, by: string): RepositoryAcceptedJson
  apply(request: z.output<typeof applyRequest>, by: string): Promise<ApplyJson>
  document(): DocumentJson
  freshOnce(request: z.output<typeof freshOnceRequest>, by: string): FreshOnceJson
  doctor(): Promise<DoctorJson>
  readonly directories: DirectoryAdministration
  readonly quotas: QuotaAdministration
}

/** Who acts through the socket that only the state directory's owner may open. */
const LOCAL_ADMINISTRATOR = "local administrator"

const MOST_DOCUMENT_BYTES = 4 * 1024 * 1024

/** The administrator's resources. Mounted only where the connection itself proves who is there. */
export function adminRoutes(administration: Administration): Router {
  const router = Router()
  router.use(express.json({ limit: MOST_DOCUMENT_BYTES }))

  router.get(adminPaths.repositories, (_request, response) => {
    response.json(administration.repositories())
  })
  router.get(adminPaths.volumes, (request, response) => {
    const { cluster, namespace } = queryOf(request)
    response.json(administration.volumes({ cluster, namespace }))
  })
  router.get(adminPaths.snapshots, async (request, response) => {
    const { repository, namespace, pvc } = queryOf(request)
    response.json(await administration.snapshots({ repository, namespace, pvc }))
  })
  router.get(adminPaths.stores, async (_request, response) => {
    response.json(await administration.stores())
  })
  router.get(adminPaths.exports, async (_request, response) => {
    response.json(await administration.exports())
  })
  router.get(nfsClientsPath, async (_request, response) => {
    response.json(await administration.nfsClients())
  })
  router.get(hardwarePath, async (_request, response) => {
    response.json(await administration.hardware())
  })
  router.post(adminPaths.applyExports, async (request, response) => {
    response.json(
      await administration.applyExports(bodyOf(request, applyExportsRequest), LOCAL_ADMINISTRATOR),
    )
  })
  router.get(adminPaths.document, (_request, response) => {
    response.json(administration.document())
  })
  router.get(adminPaths.doctor, async (_request, response) => {
    response.json(await administration.doctor())
  })
  router.post(`${adminPaths.stores}/:store/accept`, async (request, response) => {
    response.json(await administration.acceptStore(request.params.store, LOCAL_ADMINISTRATOR))
  })
  router.post(`${adminPaths.repositories}/:repository/accept`, async (request, response) => {
    const body = bodyOf(request, acceptRepositoryRequest)
    response.json(administration.acceptRepository(request.params.repository, body, LOCAL_ADMINISTRATOR))
  })
  router.post(adminPaths.apply, async (request, response) => {
    const result = await administration.apply(bodyOf(request, applyRequest), LOCAL_ADMINISTRATOR)
    const refused = result.acknowledgements.some(({ accepted }) => !accepted) && !result.applied
    response.status(refused && !dryRun(request) ? 409 : 200).json(result)
  })
  router.post(adminPaths.freshOnce, (request, response) => {
    response.json(administration.freshOnce(bodyOf(request, freshOnceRequest), LOCAL_ADMINISTRATOR))
  })
  router.use(directoryRoutes(administration.directories, LOCAL_ADMINISTRATOR))
  router.use(quotaRoutes(administration.quotas, LOCAL_ADMINISTRATOR))
  return router
}

function dryRun(request: Request): boolean {
  return bodyOf(request, applyRequest).dryRun
}
