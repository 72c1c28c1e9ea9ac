/** Whether the client is a netgroup, "@" and its name. Who is in it, the NFS server's machine decides. */
export function isNetgroup(client: string): boolean {
  return /^@[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(client)
}
