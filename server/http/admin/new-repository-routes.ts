import { Router } from "express"
import type { z } from "zod"
import { adminPaths } from "../contract/admin.js"
import { createRepositoryRequest, type NewRepositoryRunJson } from "../contract/new-repository.js"
import { bodyOf } from "./request-parts.js"

/** What this route needs of the daemon. May throw StorageError or HttpError. */
export interface NewRepositoryAdministration {
  create(
    repository: string,
    request: z.output<typeof createRepositoryRequest>,
    by: string,
  ): Promise<NewRepositoryRunJson>
}

/** Making repositories. `by`: who acts through this connection. */
export function newRepositoryRoutes(newRepositories: NewRepositoryAdministration, by: string): Router {
  const router = Router()
  router.post(`${adminPaths.repositories}/:repository/create`, async (request, response) => {
    const body = bodyOf(request, createRepositoryRequest)
    response.json(await newRepositories.create(request.params.repository, body, by))
  })
  return router
}
