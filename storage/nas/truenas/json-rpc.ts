import { isJsonObject } from "../../bytes/index.js"
import { StorageError } from "../../errors.js"
import { parseRpcError, type RpcError } from "./errors.js"
import { decodeExtendedJson } from "./extended-json.js"

/** What TrueNAS reads before and after the login, in bytes (reference nas-platforms.md §2.2). Longer, and it hangs up. */
const MOST_BYTES = { anonymous: 8 * 1024, known: 64 * 1024 } as const

/** What the server sends. */
export type ServerMessage =
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: RpcError }
  /** About something that it could not even read. */
  | { readonly kind: "objection"; readonly error: RpcError }
  /** What nobody asked for. */
  | { readonly kind: "notification" }

/** One request. Throws StorageError `invalid` for one that the server would hang up at. */
export function renderRequest(
  id: number,
  method: string,
  params: readonly unknown[],
  session: keyof typeof MOST_BYTES,
): string {
  const text = JSON.stringify({ jsonrpc: "2.0", id, method, params })
  const bytes = Buffer.byteLength(text)
  if (bytes > MOST_BYTES[session]) {
    throw new StorageError("invalid", `a request of ${bytes} bytes is longer than TrueNAS reads`, {
      facts: { method, bytes, limit: MOST_BYTES[session] },
      hint: "Ask for less at once.",
    })
  }
  return text
}

/** Parses one message. Throws StorageError `corrupt` for what JSON-RPC 2.0 does not know. */
export function parseMessage(text: string): ServerMessage {
  const message = parsed(text)
  if (!isJsonObject(message) || message["jsonrpc"] !== "2.0") throw notRpc()
  const { id, method } = message
  if (typeof method === "string") return { kind: "notification" }
  if (Object.hasOwn(message, "error")) {
    const error = parseRpcError(message["error"])
    return typeof id === "number" ? { kind: "error", id, error } : { kind: "objection", error }
  }
  if (typeof id !== "number" || !Object.hasOwn(message, "result")) throw notRpc()
  return { kind: "result", id, result: decodeExtendedJson(message["result"]) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notRpc()
  }
}

function notRpc(): StorageError {
  return new StorageError("corrupt", "what TrueNAS says is not JSON-RPC", {
    hint: "Check that it is TrueNAS that answers there.",
  })
}
