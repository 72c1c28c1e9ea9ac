import { z } from "zod"
import type { TrueNasApi } from "./client.js"

/** Names and numbers of users and groups. TrueNAS wants names in a share, exports(5) wants numbers. */
export interface Accounts {
  readonly users: readonly Account[]
  readonly groups: readonly Account[]
}

export interface Account {
  readonly id: number
  readonly name: string
}

/** Those of TrueNAS' accounts that have one of these numbers or names. */
export async function findAccounts(
  api: TrueNasApi,
  users: ReadonlySet<number | string>,
  groups: ReadonlySet<number | string>,
): Promise<Accounts> {
  const [foundUsers, foundGroups] = await Promise.all([
    find(api, "user.query", "uid", "username", users),
    find(api, "group.query", "gid", "group", groups),
  ])
  return { users: foundUsers, groups: foundGroups }
}

async function find(
  api: TrueNasApi,
  method: string,
  number: string,
  name: string,
  wanted: ReadonlySet<number | string>,
): Promise<Account[]> {
  const numbers = [...wanted].filter((one) => typeof one === "number")
  const names = [...wanted].filter((one) => typeof one === "string")
  // Not all fields: the others hold hashes of passwords.
  const select = [number, name]
  const entry = z.object({ [number]: z.number().int(), [name]: z.string() })
  const ask = async (field: string, values: readonly (number | string)[]) =>
    values.length === 0 ? [] : api.call(method, [[[field, "in", values]], { select }], z.array(entry))
  const found = await Promise.all([ask(number, numbers), ask(name, names)])
  return found.flat().map((one) => ({ id: Number(one[number]), name: String(one[name]) }))
}
