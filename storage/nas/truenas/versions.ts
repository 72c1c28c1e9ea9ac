import { request } from "node:http"
import type { Socket } from "node:net"
import { StorageError } from "../../errors.js"
import { authorityOf, type TrueNasAddress } from "./address.js"
import { silent } from "./socket.js"

/**
 * Versions of the API whose models this client was written against, newest first. A server of a later release offers them too, and
 * converts (reference nas-platforms.md §2.1).
 */
const TESTED = [
  "v25.10.5",
  "v25.10.4",
  "v25.10.3",
  "v25.10.2",
  "v25.10.1",
  "v25.10.0",
  "v25.04.2",
  "v25.04.1",
  "v25.04.0",
] as const

/** A version to ask for; "current" is whatever the server's newest is. */
export type ApiVersion = (typeof TESTED)[number] | "current"

/** Longer lists of versions than TrueNAS will ever have. */
const MOST_BYTES = 64 * 1024

/** The newest tested version that the server offers; "current" where it offers none of them. */
export function pickVersion(offered: readonly string[]): ApiVersion {
  return TESTED.find((version) => offered.includes(version)) ?? "current"
}

/** Whether filesystem snapshots have their public name: since 25.10. */
export function isSince2510(version: ApiVersion): boolean {
  return !version.startsWith("v25.04.")
}

/** How many networks one share may have; 25.04 and 25.10.0 count them. What is unknown is held to the same. */
export function mostNetworks(version: ApiVersion): number {
  return version.startsWith("v25.04.") || version === "v25.10.0" || version === "current" ? 42 : 1000
}

/**
 * The versions that the server offers: `GET /api/versions`, which needs no login. Ends the connection. Throws StorageError `unsupported`
 * for 24.10 and before, `unreadable`, `io`, `corrupt`, `timeout`.
 */
export function offeredVersions(
  socket: Socket,
  address: TrueNasAddress,
  patienceMs: number,
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      fail(silent(address, patienceMs))
    }, patienceMs)
    const fail = (error: StorageError): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    const cut = (cause: Error): void => {
      fail(new StorageError("io", `${authorityOf(address)} did not tell the versions of its API`, { cause }))
    }
    const asked = request({
      createConnection: () => socket,
      path: "/api/versions",
      headers: { host: authorityOf(address), accept: "application/json", connection: "close" },
    })
    asked.on("error", cut)
    asked.on("response", (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("error", cut)
      response.on("data", (chunk: string) => {
        text += chunk
        if (text.length > MOST_BYTES) fail(noList(address))
      })
      response.on("end", () => {
        try {
          const versions = versionsOf(response.statusCode ?? 0, text, address)
          clearTimeout(timer)
          socket.destroy()
          resolve(versions)
        } catch (error) {
          fail(error instanceof StorageError ? error : noList(address))
        }
      })
    })
    asked.end()
  })
}

function versionsOf(status: number, text: string, address: TrueNasAddress): string[] {
  const where = authorityOf(address)
  if (status === 404) {
    throw new StorageError("unsupported", `${where} has no JSON-RPC API: it is TrueNAS 24.10 or older`, {
      hint: "Update it to 25.04 or newer.",
    })
  }
  if (status === 401 || status === 403) {
    throw new StorageError("unreadable", `${where} refuses this machine (HTTP status ${status})`, {
      facts: { status },
      hint: "Let this machine's address in TrueNAS' System, General Settings, Allowed IP Addresses.",
    })
  }
  if (status !== 200) {
    throw new StorageError("io", `${where} did not tell the versions of its API (HTTP status ${status})`, {
      facts: { status },
      hint: "Check that it is TrueNAS that answers there, and that it has started.",
    })
  }
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) throw noList(address)
  return list
}

function noList(address: TrueNasAddress): StorageError {
  return new StorageError(
    "corrupt",
    `what ${authorityOf(address)} says of the versions of its API is no list`,
    {
      hint: "Check that it is TrueNAS that answers there.",
    },
  )
}
