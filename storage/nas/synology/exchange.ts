import { once } from "node:events"
import { type IncomingMessage, request as requestPlain } from "node:http"
import { request as requestSecure } from "node:https"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import type { Secret } from "../../secret.js"
import type { DsmAddress } from "./address.js"
import { connect } from "./connect.js"

/** What answered, whatever it is: DSM itself always says 200, a proxy before it may say something else. */
export interface HttpReply {
  readonly status: number
  readonly body: Buffer
}

export interface ExchangeLimits {
  /** From the connection to the last byte. */
  readonly limitMs: number
  /** Breaks it off. */
  readonly stop?: AbortSignal
}

/** The list of all of DSM's APIs is about half a megabyte. */
const MOST_BYTES = 32 * 1024 * 1024

/**
 * Posts a form to a path below /webapi/ and gives what was answered. Throws StorageError `timeout` after `limitMs` and `io`;
 * `sent` in its facts says whether DSM may have got the form. Redirections are not followed: the form holds secrets.
 */
export async function postForm(
  address: DsmAddress,
  path: string,
  form: string,
  token: Secret | undefined,
  { limitMs, stop }: ExchangeLimits,
): Promise<HttpReply> {
  const limit = AbortSignal.timeout(limitMs)
  const deadline = stop === undefined ? limit : AbortSignal.any([limit, stop])
  const socket = await connect(address, deadline)
  const request = (address.secure ? requestSecure : requestPlain)({
    host: address.host,
    port: address.port,
    path: `/webapi/${path}`,
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "content-length": Buffer.byteLength(form),
      ...(token !== undefined && { "x-syno-token": token.reveal() }),
    },
    createConnection: () => socket,
    signal: deadline,
  })
  // Told below, where it is waited for; later ones are about a request that is over.
  request.on("error", () => undefined)
  try {
    request.end(form)
    const [response] = (await once(request, "response")) as [IncomingMessage]
    return { status: response.statusCode ?? 0, body: await bodyOf(response) }
  } catch (cause) {
    throw exchangeError(address, deadline, limitMs, cause)
  } finally {
    request.destroy()
    socket.destroy()
  }
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) {
      throw new StorageError("corrupt", `DSM answers with more than ${MOST_BYTES} bytes`, {
        facts: { sent: true },
        hint: "Check that the address is DSM's.",
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function exchangeError(
  { host, port }: DsmAddress,
  deadline: AbortSignal,
  limitMs: number,
  cause: unknown,
): StorageError {
  if (cause instanceof StorageError) return cause
  if (deadline.aborted) {
    return new StorageError("timeout", `DSM at ${host}:${port} did not answer within ${limitMs / 1000} s`, {
      facts: { sent: true, host, port },
      hint: "Try again when the NAS is less busy.",
    })
  }
  // Without the cause: a parser's error carries the bytes that came, and those may repeat what was sent.
  const errno = errnoOf(cause) ?? "unknown"
  return new StorageError("io", `the connection to DSM at ${host}:${port} broke (${errno})`, {
    facts: { sent: true, host, port, errno },
    hint: "Try again. Where it happens every time, check that the address is DSM's, and what is between it and here.",
  })
}
