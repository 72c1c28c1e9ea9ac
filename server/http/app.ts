import express, { type Express, type Router } from "express"
import type { ErrorJson } from "./contract/admin.js"
import { errorHandler, type ErrorLog } from "./errors.js"

/** Everything that is not on the hot path: the API's routes, then 404, and every error as JSON. */
export function createApp(api: Router | undefined, log: ErrorLog): Express {
  const app = express()
  app.disable("x-powered-by")
  if (api !== undefined) app.use(api)
  app.use((request, response) => {
    const body: ErrorJson = {
      code: "not_found",
      message: `There is nothing at ${request.path.slice(0, 200)}.`,
      hint: "Volumes are asked for by /exists/{namespace}/{pvc}.",
    }
    response.status(404).json(body)
  })
  app.use(errorHandler(log))
  return app
}
