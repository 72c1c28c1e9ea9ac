import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { Secret } from "../../secret.js"
import type { Connection } from "./connection.js"

/** Whom TrueNAS knows this daemon as: a user of its own, and a key that is linked to that user. */
export interface Credentials {
  readonly user: string
  /** `<number>-<64 characters>`. */
  readonly key: Secret
}

const METHOD = "auth.login_ex"

/** Throws StorageError `invalid` for what can be no key: it is not tried. */
export function checkCredentials({ user, key }: Credentials): void {
  if (user === "")
    throw noKey("the user of TrueNAS has no name", "Name the user that the API key belongs to.")
  if (!/^\d+-[\x21-\x7e]{16,}$/.test(key.reveal())) {
    throw noKey(
      "what is given as TrueNAS' API key is none",
      "It is a number, a dash and 64 characters, without a blank or an end of line; TrueNAS shows it once, when it is made.",
    )
  }
}

const answer = z.object({ response_type: z.string(), urls: z.array(z.string()).optional() })

/**
 * Logs in by API key (reference nas-platforms.md §2.3). Gives undefined, or why these credentials will not do however often they are
 * tried. Throws StorageError for what may pass: `timeout` where TrueNAS holds logins back, and what ended the connection.
 */
export async function logIn(
  connection: Connection,
  { user, key }: Credentials,
  patienceMs: number,
): Promise<StorageError | undefined> {
  const frame = {
    mechanism: "API_KEY_PLAIN",
    username: user,
    api_key: key.reveal(),
    login_options: { user_info: false },
  }
  const reply = await connection.request(METHOD, [frame], patienceMs)
  if ("error" in reply) {
    // Nothing of what it says is repeated: it was told the key.
    const { errname = "none", code } = reply.error
    const facts = { errname, code }
    if (errname === "EBUSY") {
      throw new StorageError(
        "timeout",
        "TrueNAS holds back logins from this machine (too many in a minute)",
        {
          facts,
          hint: "Wait: it is tried again, less and less often. Look for another program here that logs in with a wrong key.",
        },
      )
    }
    if (errname === "EOPNOTSUPP") {
      return refused(
        "TrueNAS allows no login by API key",
        facts,
        "Lower its authentication level in System, Security.",
      )
    }
    throw new StorageError("io", `TrueNAS cannot tell whether the login is right (${errname})`, {
      facts,
      hint: "Look at TrueNAS' own log.",
    })
  }
  const parsed = answer.safeParse(reply.result)
  if (!parsed.success) {
    throw new StorageError("corrupt", "TrueNAS answers a login with something else", {
      hint: "Update Cistern: this TrueNAS may be newer than it.",
    })
  }
  return verdict(parsed.data, user)
}

function verdict(
  { response_type: type, urls }: z.output<typeof answer>,
  user: string,
): StorageError | undefined {
  const facts = { user, answer: type }
  switch (type) {
    case "SUCCESS":
      return undefined
    case "AUTH_ERR":
      return refused(
        `TrueNAS does not accept the API key of ${user}`,
        facts,
        "Check the user's name and the key: the key has to be this user's.",
      )
    case "EXPIRED":
      return refused(
        `the API key of ${user} has expired or was revoked`,
        facts,
        "Make a new one. TrueNAS revokes a key that came without TLS, also to a proxy in front of it: see its alerts.",
      )
    case "OTP_REQUIRED":
      return refused(
        `TrueNAS wants a one-time password of ${user}`,
        facts,
        "Give Cistern a user of its own, with an API key and without two-factor authentication.",
      )
    case "DENIED":
      return refused(
        `TrueNAS does not let ${user} log in`,
        facts,
        "Look at whether the user is locked, and whether its group has a privilege.",
      )
    case "REDIRECT":
      return refused(
        "this controller is on standby",
        { ...facts, active: (urls ?? []).join(" ") },
        "Configure the virtual address of the pair. The key was not sent anywhere else.",
      )
    default:
      return refused(
        "TrueNAS answers the login with something that Cistern does not know",
        { user, answer: type.slice(0, 40) },
        "Update Cistern: this TrueNAS may be newer than it.",
      )
  }
}

function refused(message: string, facts: Record<string, string | number>, hint: string): StorageError {
  return new StorageError("unreadable", message, { facts, hint })
}

function noKey(message: string, hint: string): StorageError {
  return new StorageError("invalid", message, { hint })
}
