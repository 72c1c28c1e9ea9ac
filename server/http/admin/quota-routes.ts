import { Router } from "express"
import type { z } from "zod"
import {
  measureTreeRequest,
  prepareQuotasRequest,
  quotaPaths,
  type QuotaSetRunJson,
  type QuotasJson,
  type QuotasPreparedJson,
  setQuotaRequest,
  type TreeMeasuredRunJson,
} from "../contract/quotas.js"
import { bodyOf, queryOf } from "./request-parts.js"

/** What these routes need of the daemon, and no more. Each may throw StorageError or HttpError. */
export interface QuotaAdministration {
  list(filter: { store?: string | undefined; repository?: string | undefined }): Promise<QuotasJson>
  set(request: z.output<typeof setQuotaRequest>, by: string): Promise<QuotaSetRunJson>
  prepare(request: z.output<typeof prepareQuotasRequest>, by: string): Promise<QuotasPreparedJson>
  measure(request: z.output<typeof measureTreeRequest>): Promise<TreeMeasuredRunJson>
}

/** What the repositories' directories may hold. `by`: who acts through this connection. */
export function quotaRoutes(quotas: QuotaAdministration, by: string): Router {
  const router = Router()
  router.get(quotaPaths.quotas, async (request, response) => {
    const { store, repository } = queryOf(request)
    response.json(await quotas.list({ store, repository }))
  })
  router.post(quotaPaths.set, async (request, response) => {
    response.json(await quotas.set(bodyOf(request, setQuotaRequest), by))
  })
  router.post(quotaPaths.prepare, async (request, response) => {
    response.json(await quotas.prepare(bodyOf(request, prepareQuotasRequest), by))
  })
  router.post(quotaPaths.measure, async (request, response) => {
    response.json(await quotas.measure(bodyOf(request, measureTreeRequest)))
  })
  return router
}
