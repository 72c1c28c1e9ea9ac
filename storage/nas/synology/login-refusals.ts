import type { Refusal, RefusalTable } from "./refusal.js"

const AGAIN =
  "Then give Cistern the account again: until then it does not try, because DSM blocks an address after a few logins that fail."
const SECOND_FACTOR =
  "Give Cistern an account of its own that needs no second factor: Control Panel > User & Group > Advanced > 2-Factor Authentication."

const stop = (code: Refusal["code"], what: string, step: string): Refusal => ({
  reaction: "stop",
  code,
  what,
  hint: `${step} ${AGAIN}`,
})
const expired = (what: string): Refusal =>
  stop("wrong_password", what, "Log in to DSM with the account and set a new password; let it never expire.")

/** SYNO.API.Auth (reference nas-platforms.md §3.2). None of them is tried again. */
export const loginRefusals: RefusalTable = {
  400: stop("wrong_password", "there is no such account, or its password is another one", "Correct them."),
  401: stop("unreadable", "the account is disabled", "Enable it: Control Panel > User & Group."),
  402: stop(
    "unreadable",
    "the account may not log in",
    "Allow it the application DSM from this machine's address: Control Panel > Application Privileges.",
  ),
  403: stop("unreadable", "it asks for a second factor", SECOND_FACTOR),
  404: stop("unreadable", "the second factor was wrong", SECOND_FACTOR),
  406: stop("unreadable", "it wants the account to set up a second factor", SECOND_FACTOR),
  407: stop(
    "unreadable",
    "it blocks this machine's address",
    "Unblock it: Control Panel > Security > Protection > Allow/Block List, and correct the password that was wrong.",
  ),
  408: expired("the password has expired"),
  409: expired("the password has expired"),
  410: expired("the password has to be changed"),
  411: stop("unreadable", "the account is locked", "Unlock it: Control Panel > Security > Account."),
}
