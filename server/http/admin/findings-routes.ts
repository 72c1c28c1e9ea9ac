import { Router } from "express"
import type { z } from "zod"
import {
  acknowledgeFindingRequest,
  closeFindingRequest,
  findingPaths,
  type FindingShownJson,
  type FindingsJson,
  type MutesJson,
  muteFindingRequest,
  reopenFindingRequest,
  unmuteFindingRequest,
} from "../contract/findings.js"
import { HttpError } from "../errors.js"
import { bodyOf, queryOf } from "./request-parts.js"

export type FindingsQuery = Partial<Record<string, string>>

/** What these routes need of the daemon, and no more. Each may throw HttpError or DatabaseError. */
export interface FindingAdministration {
  list(query: FindingsQuery): FindingsJson
  show(id: number, after: string | undefined): FindingShownJson
  acknowledge(id: number, request: z.output<typeof acknowledgeFindingRequest>, by: string): FindingShownJson
  reopen(id: number, request: z.output<typeof reopenFindingRequest>, by: string): FindingShownJson
  close(id: number, request: z.output<typeof closeFindingRequest>, by: string): FindingShownJson
  mutes(): MutesJson
  mute(request: z.output<typeof muteFindingRequest>, by: string): MutesJson
  unmute(request: z.output<typeof unmuteFindingRequest>, by: string): MutesJson
}

/** What is wrong, and what is done about it. `by`: who acts through this connection. */
export function findingRoutes(findings: FindingAdministration, by: string): Router {
  const router = Router()
  router.get(findingPaths.findings, (request, response) => {
    response.json(findings.list(queryOf(request)))
  })
  router.get(findingPaths.mutes, (_request, response) => {
    response.json(findings.mutes())
  })
  router.post(findingPaths.mute, (request, response) => {
    response.json(findings.mute(bodyOf(request, muteFindingRequest), by))
  })
  router.post(findingPaths.unmute, (request, response) => {
    response.json(findings.unmute(bodyOf(request, unmuteFindingRequest), by))
  })
  router.get(`${findingPaths.findings}/:id`, (request, response) => {
    response.json(findings.show(idOf(request.params.id), queryOf(request)["after"]))
  })
  router.post(`${findingPaths.findings}/:id/acknowledge`, (request, response) => {
    const body = bodyOf(request, acknowledgeFindingRequest)
    response.json(findings.acknowledge(idOf(request.params.id), body, by))
  })
  router.post(`${findingPaths.findings}/:id/reopen`, (request, response) => {
    const body = bodyOf(request, reopenFindingRequest)
    response.json(findings.reopen(idOf(request.params.id), body, by))
  })
  router.post(`${findingPaths.findings}/:id/close`, (request, response) => {
    const body = bodyOf(request, closeFindingRequest)
    response.json(findings.close(idOf(request.params.id), body, by))
  })
  return router
}

function idOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new HttpError(404, "not_found", "There is no such finding.", {
    hint: "`cistern findings` lists them.",
  })
}
