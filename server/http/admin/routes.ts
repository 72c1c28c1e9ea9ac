import express, { Router } from "express"
import type { z } from "zod"
import {
  type AcceptRepositoryRequest,
  acceptRepositoryRequest,
  adminPaths,
  applyExportsRequest,
  type ApplyJson,
  applyRequest,
  createStoreRequest,
  type DocumentJson,
  type DoctorJson,
  type ExportsAppliedJson,
  type ExportsJson,
  type ExportStepsJson,
  type FreshOnceJson,
  freshOnceRequest,
  nfsSystem,
  type RepositoriesJson,
  type RepositoryAcceptedJson,
  type SnapshotsJson,
  type StoreAcceptedJson,
  type StoreCreatedJson,
  type StoresJson,
  type StoreWithdrawnJson,
  type VolumesJson,
  withdrawStoreRequest,
} from "../contract/admin.js"
import { HttpError } from "../errors.js"
import { type ContentsAdministration, contentsRoutes } from "./contents-routes.js"
import { type DirectoryAdministration, directoryRoutes } from "./directory-routes.js"
import { type NewRepositoryAdministration, newRepositoryRoutes } from "./new-repository-routes.js"
import {
  type FilesystemSnapshotAdministration,
  filesystemSnapshotRoutes,
} from "./filesystem-snapshot-routes.js"
import { type FindingAdministration, findingRoutes } from "./findings-routes.js"
import { type JobAdministration, jobRoutes } from "./job-routes.js"
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
  exportSteps(system: z.output<typeof nfsSystem> | undefined): Promise<ExportStepsJson>
  nfsClients(): Promise<NfsClientsJson>
  hardware(): Promise<HardwareJson>
  applyExports(request: z.output<typeof applyExportsRequest>, by: string): Promise<ExportsAppliedJson>
  acceptStore(name: string, by: string): Promise<StoreAcceptedJson>
  createStore(request: z.output<typeof createStoreRequest>, by: string): Promise<StoreCreatedJson>
  withdrawStore(
    name: string,
    request: z.output<typeof withdrawStoreRequest>,
    by: string,
  ): Promise<StoreWithdrawnJson>
  acceptRepository(name: string, request: AcceptRepositoryRequest, by: string): RepositoryAcceptedJson
  apply(request: z.output<typeof applyRequest>, by: string): Promise<ApplyJson>
  document(): DocumentJson
  freshOnce(request: z.output<typeof freshOnceRequest>, by: string): FreshOnceJson
  doctor(): Promise<DoctorJson>
  readonly directories: DirectoryAdministration
  readonly newRepositories: NewRepositoryAdministration
  readonly filesystemSnapshots: FilesystemSnapshotAdministration
  readonly quotas: QuotaAdministration
  readonly findings: FindingAdministration
  readonly jobs: JobAdministration
  readonly contents: ContentsAdministration
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
  router.get(adminPaths.exportSteps, async (request, response) => {
    const system = nfsSystem.optional().safeParse(queryOf(request)["system"])
    if (!system.success) throw new HttpError(400, "invalid", "There is no such system.")
    response.json(await administration.exportSteps(system.data))
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
  router.post(adminPaths.stores, async (request, response) => {
    const body = bodyOf(request, createStoreRequest)
    const result = await administration.createStore(body, LOCAL_ADMINISTRATOR)
    response.status(statusOf(result, body)).json(result)
  })
  router.post(`${adminPaths.stores}/:store/withdraw`, async (request, response) => {
    const body = bodyOf(request, withdrawStoreRequest)
    const result = await administration.withdrawStore(request.params.store, body, LOCAL_ADMINISTRATOR)
    response.status(statusOf(result, body)).json(result)
  })
  router.post(`${adminPaths.repositories}/:repository/accept`, async (request, response) => {
    const body = bodyOf(request, acceptRepositoryRequest)
    response.json(administration.acceptRepository(request.params.repository, body, LOCAL_ADMINISTRATOR))
  })
  router.post(adminPaths.apply, async (request, response) => {
    const body = bodyOf(request, applyRequest)
    const result = await administration.apply(body, LOCAL_ADMINISTRATOR)
    response.status(statusOf(result, body)).json(result)
  })
  router.post(adminPaths.freshOnce, (request, response) => {
    response.json(administration.freshOnce(bodyOf(request, freshOnceRequest), LOCAL_ADMINISTRATOR))
  })
  router.use(directoryRoutes(administration.directories, LOCAL_ADMINISTRATOR))
  router.use(newRepositoryRoutes(administration.newRepositories, LOCAL_ADMINISTRATOR))
  router.use(filesystemSnapshotRoutes(administration.filesystemSnapshots, LOCAL_ADMINISTRATOR))
  router.use(quotaRoutes(administration.quotas, LOCAL_ADMINISTRATOR))
  router.use(findingRoutes(administration.findings, LOCAL_ADMINISTRATOR))
  router.use(jobRoutes(administration.jobs, LOCAL_ADMINISTRATOR))
  router.use(contentsRoutes(administration.contents))
  return router
}

/** Of a plan whose acknowledgements are missing: 409. */
function statusOf(
  { applied, acknowledgements }: Pick<ApplyJson, "applied" | "acknowledgements">,
  { dryRun }: { readonly dryRun: boolean },
): number {
  return !applied && !dryRun && acknowledgements.some(({ accepted }) => !accepted) ? 409 : 200
}
