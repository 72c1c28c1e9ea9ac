import { createServer, type IncomingMessage } from "node:http"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { afterEach } from "vitest"
import { scratch } from "./fixtures.js"

export interface AdminRequest {
  readonly method: string
  readonly url: string
  readonly body: unknown
}

interface AdminAnswer {
  readonly status: number
  readonly body: unknown
}

type Answer = (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>

const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A state directory with a socket in it that answers as told, over real HTTP; closed after the test. */
export async function answering(answer: Answer): Promise<{ state: string; requests: AdminRequest[] }> {
  const state = scratch()
  const requests: AdminRequest[] = []
  const respond = async (incoming: IncomingMessage): Promise<AdminAnswer> => {
    const body = await text(incoming)
    const request = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      body: body === "" ? undefined : (JSON.parse(body) as unknown),
    }
    requests.push(request)
    return answer(request)
  }
  const server = createServer((incoming, response) => {
    respond(incoming).then(
      ({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
      },
      // A fault of the test itself must end the test, not hang it.
      (error: unknown) => response.destroy(error as Error),
    )
  })
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
  return { state, requests }
}
