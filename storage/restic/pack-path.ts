/** Where a pack lies in the repository. */
export function packPath(pack: string): string {
  return `data/${pack.slice(0, 2)}/${pack}`
}
