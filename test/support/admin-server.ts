import express from "express"
import { createServer } from "node:http"
import { join } from "node:path"
import { afterEach } from "vitest"
import { type Administration, adminRoutes } from "../../server/http/admin/index.js"
import { errorHandler } from "../../server/http/errors.js"
import { scratch } from "./fixtures.js"

const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** The real administrator's routes on a socket, for the command line; closed after the test. Gives its environment. */
export async function serving(administration: Administration): Promise<{ CISTERN_STATE: string }> {
  const state = scratch()
  const app = express()
  app.use(adminRoutes(administration))
  app.use(errorHandler({ error: () => undefined }))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(join(state, "cistern.sock"), resolve))
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  )
  return { CISTERN_STATE: state }
}
