import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { posix } from "node:path"
import { buffer } from "node:stream/consumers"
import { afterEach } from "vitest"
import type { NfsMount } from "./nfs-mount.js"

// restic's own repository layout, written by the real restic while it runs, through a directory of an NFS server. restic knows
// filesystems only by a kernel's mount, so it is given what it speaks otherwise: its REST protocol, each object of which is one
// file on the NFS server. Nothing is kept here.

const FOLDERS = ["data", "index", "keys", "locks", "snapshots"]

const ends: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

/** The address for restic's `--repo`, under which there is one repository for each path. */
export async function resticOver(mount: NfsMount): Promise<string> {
  const server = createServer((request, response) => {
    answer(mount, request, response).catch((error: unknown) => {
      // restic tries again.
      response.writeHead(500).end(String(error))
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  ends.push(async () => {
    mount.end()
    server.closeAllConnections()
    server.close()
    await once(server, "close")
  })
  return `rest:http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function answer(mount: NfsMount, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://nas")
  const path = url.pathname
  if (request.method === "POST" && path.endsWith("/")) {
    await makeRepository(mount, path)
    response.end()
  } else if (request.method === "POST") {
    const content = await buffer(request)
    const file = fileOf(path)
    if (posix.basename(posix.dirname(posix.dirname(file))) === "data")
      await mount.makeDirectory(posix.dirname(file))
    await mount.write(file, content)
    response.end()
  } else if (request.method === "DELETE") {
    await mount.remove(fileOf(path))
    response.end()
  } else if (path.endsWith("/")) {
    response.end(JSON.stringify(listed(mount, path)))
  } else {
    give(mount.read(fileOf(path)), request, response)
  }
}

async function makeRepository(mount: NfsMount, path: string): Promise<void> {
  const parts = path.split("/").filter((part) => part !== "")
  for (const at of parts.keys()) await mount.makeDirectory(parts.slice(0, at + 1).join("/"))
  for (const folder of FOLDERS) await mount.makeDirectory(posix.join(...parts, folder))
}

/** Data lies in folders by the first two digits of its name. */
function fileOf(path: string): string {
  const { dir, base } = posix.parse(path)
  return posix.basename(dir) === "data" ? posix.join(dir, base.slice(0, 2), base) : path
}

/** In the first version of the protocol: names only. */
function listed(mount: NfsMount, path: string): string[] {
  const names = mount.names(path)
  const all = path.endsWith("/data/") ? names.flatMap((name) => mount.names(posix.join(path, name))) : names
  return all.filter((name) => /^[0-9a-f]{64}$/.test(name))
}

function give(content: Buffer | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (content === undefined) {
    response.writeHead(404).end()
    return
  }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? []
  const part =
    from === undefined ? content : content.subarray(Number(from), to === "" ? undefined : Number(to) + 1)
  response.writeHead(from === undefined ? 200 : 206, { "content-length": part.length })
  response.end(request.method === "HEAD" ? undefined : part)
}
